import { defineEntity, p } from '@mikro-orm/core';

const ImportSchema = defineEntity({
  name: 'ImportedRecord',
  tableName: 'imports_record',
  indexes: [{ properties: ['localId'] }],
  properties: {
    /** Audience of the API that the record was imported for. */
    source: p.string().columnType('text').primary(),
    kind: p.enum(['user', 'group', 'permission'] as const).primary(),
    /** Primary key or natural key in the source, as JSON. */
    sourcePk: p.string().columnType('text').primary(),
    localId: p.uuid(),
    /** SHA-256 of the record as imported: tells a change in the source from one in Signet. */
    importedDigest: p.blob(),
    /** What was imported last, by field: digests of what says who somebody is. Null: an earlier version imported it, or it is deleted. */
    imported: p.json().$type<Record<string, unknown>>().nullable(),
  },
});
/** What an imported record became here. */
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
/** A row of an import under way. Nothing reads it but that import; what a crash leaves here is dropped at the next start. */
export class StagedRow extends StagedSchema.class {}
StagedSchema.setClass(StagedRow);
