/**
 * imports/django: imports from a Django project.
 * Owns: reading a Django `dumpdata` file, the plan and the report of an import, and the one transaction that writes it.
 * Stores the local object of every record, so that a later run finds it.
 * Does not own: users, passwords and permissions (the rooms of these names). It never overwrites objects from elsewhere.
 * Neighbours: users, passwords and permissions below; the command line above.
 * Standards: Django's serialisation format, natural keys included (django.core.serializers), and django.contrib.auth.
 */
export { type ConcurrentChange, type ImportErrors, ImportRefused } from './errors.ts';
export { type ImportInput, importDjango, type Progress } from './import-django.ts';
export type { IdentifierPart, Note, NoteCodes } from './notes.ts';
export { decodeDump } from './reader/json.ts';
export { writeRenames } from './renames.ts';
export { type Changed, type Counts, type Entry, type ImportReport, isRefused, type Merged } from './report.ts';
export { countImportedRecords, deleteSource } from './source.ts';
export { deleteAbandonedRows } from './stage.ts';
