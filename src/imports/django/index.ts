/**
 * imports/django: users, groups and permissions brought from elsewhere.
 * Owns: reading a Django `dumpdata` file, the plan of what it becomes here, the report of what it could not become, and the
 * one transaction that makes it so. Remembers what every record became, so that a second run knows its own.
 * Does not own: what a user, a password or a permission is (users, passwords, permissions); it never overwrites what it finds.
 * Neighbours: users, passwords and permissions below; the command line above.
 * Standards: Django's serialisation format, natural keys included (django.core.serializers), and django.contrib.auth.
 */
export { describeReport } from './describe.ts';
export { type ImportInput, importDjango, type Progress } from './import-django.ts';
export { decodeDump } from './reader/command.ts';
export { writeRenames } from './renames.ts';
export { type Changed, type Counts, type Entry, type ImportReport, isRefused, type Merged } from './report.ts';
export { countImportedRecords, deleteSource } from './source.ts';
export { deleteAbandonedRows } from './stage.ts';
