/**
 * imports: users, groups and permissions imported from other systems.
 * Owns: imported records with their local objects, and tombstones of deleted or renamed users.
 * Does not own: reading and running an import (imports/django).
 * Neighbours: users below; imports/django beside it; tokens above.
 * Standards: Django's primary and natural keys (django.core.serializers).
 */
export { ImportedRecord } from './entities.ts';
export { findSourceId } from './queries.ts';
export { addTombstoneKeys, eraseImports, isNaturalKey, tombstoneKeys } from './tombstones.ts';
