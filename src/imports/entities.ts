import { defineEntity, p } from '@mikro-orm/core';

const ImportSchema = defineEntity({
  name: 'ImportedRecord',
  tableName: 'imports_record',
  indexes: [{ properties: ['localId'] }],
  properties: {
    /** Audience of the API for which the record was imported. */
    source: p.string().columnType('text').primary(),
    kind: p.enum(['user', 'group', 'permission'] as const).primary(),
    /** Primary key or natural key in the source, as JSON. */
    sourcePk: p.string().columnType('text').primary(),
    localId: p.uuid(),
    /** SHA-256 of the record as imported, to tell changes in the source from changes in Signet. */
    importedDigest: p.blob(),
    /** The values of the last import by field; personal data as digests. Null if an earlier version imported the record, or the user is deleted. */
    imported: p.json().$type<Record<string, unknown>>().nullable(),
  },
});
/** An imported record and its local object. */
export class ImportedRecord extends ImportSchema.class {}
ImportSchema.setClass(ImportedRecord);

const StagedSchema = defineEntity({
  name: 'StagedRow',
  tableName: 'imports_staged_row',
  properties: {
    importId: p.uuid().primary(),
    ordinal: p.integer().primary(),
    kind: p.string().columnType('text'),
    row: p.json().$type<Record<string, unknown>>(),
  },
});
/** A row of a running import, read by that import only. Rows left by a crash are deleted at the next start. */
export class StagedRow extends StagedSchema.class {}
StagedSchema.setClass(StagedRow);
