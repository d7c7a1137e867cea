/**
 * imports: users, groups and permissions brought from elsewhere.
 * Owns: what every imported record became here, and what is left of one whose user was deleted or renamed.
 * Does not own: reading and carrying out an import (imports/django).
 * Neighbours: users below; imports/django beside it; tokens above.
 * Standards: Django's primary and natural keys (django.core.serializers).
 */
export { ImportedRecord } from './entities.ts';
export { findSourceId } from './queries.ts';
export { addTombstoneKeys, eraseImports, isNaturalKey, tombstoneKeys } from './tombstones.ts';
