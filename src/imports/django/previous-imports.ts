import type { SqlEntityManager } from '@mikro-orm/sql';
import { anyId, anyText } from '../../platform/database/index.ts';
import { isNaturalKey, tombstoneKeys } from '../index.ts';
import { inBatches } from './batches.ts';
import type { DjangoUser, SourceRecord } from './reader/records.ts';

/** The import of a record by an earlier run. */
export interface PreviousImport {
  readonly localId: string;
  /** Hexadecimal. */
  readonly digest: string;
  /** The key of that run. */
  readonly key: string;
  /** See `imported-values.ts`; null if an earlier version imported the record. */
  readonly imported: Record<string, unknown> | null;
}

interface Row {
  readonly source_pk: string;
  readonly local_id: string;
  readonly digest: string;
  readonly imported: string | null;
}

const COLUMNS = `source_pk, local_id, encode(imported_digest, 'hex') as digest, imported::text as imported`;

function toPreviousImport(row: Row): PreviousImport {
  const imported = row.imported === null ? null : (JSON.parse(row.imported) as Record<string, unknown>);
  return { localId: row.local_id, digest: row.digest, key: row.source_pk, imported };
}

/** Returns the previous imports of these records from a source, by key. */
export async function readPreviousImports(
  em: SqlEntityManager,
  source: string,
  kind: string,
  records: readonly Pick<SourceRecord, 'key'>[],
): Promise<Map<string, PreviousImport>> {
  const previousImports = new Map<string, PreviousImport>();
  await inBatches(records, async (batch) => {
    const rows = await em.execute<Row[]>(
      `select ${COLUMNS} from imports_record
       where source = ? and kind = ? and source_pk = ${anyText}`,
      [source, kind, JSON.stringify(batch.map((one) => one.key))],
    );
    for (const row of rows) previousImports.set(row.source_pk, toPreviousImport(row));
  });
  return previousImports;
}

/** Adds previous imports of users who were deleted since and are found by a digest of their name only. */
export async function addDeletedUsers(
  em: SqlEntityManager,
  source: string,
  records: readonly DjangoUser[],
  previousImports: Map<string, PreviousImport>,
): Promise<void> {
  const unknown = records.filter((one) => !previousImports.has(one.key));
  await inBatches(unknown, async (batch) => {
    const keyById = new Map<string, string>();
    for (const one of batch) {
      const { alone, besideKey } = tombstoneKeys(source, one.username);
      keyById.set(alone, one.key);
      if (isNaturalKey(one.key)) keyById.set(besideKey, one.key);
    }
    const found = await readPreviousImports(
      em,
      source,
      'user',
      [...keyById.keys()].map((key) => ({ key })),
    );
    for (const [key, one] of found) previousImports.set(keyById.get(key) as string, one);
  });
}

/**
 * Returns the previous imports of these local objects from a source, by local id. Users who were renamed in Signet are left out: the source
 * has another name for them (`addTombstoneKeys`).
 */
export async function readPreviousById(
  em: SqlEntityManager,
  source: string,
  kind: string,
  ids: ReadonlyMap<string, string>,
): Promise<Map<string, PreviousImport>> {
  const previous = new Map<string, PreviousImport>();
  await inBatches([...ids.values()], async (batch) => {
    const rows = await em.execute<Row[]>(
      `select ${COLUMNS} from imports_record i
       where source = ? and kind = ? and local_id = ${anyId} and not exists (
         select from imports_record r where r.local_id = i.local_id and r.source = i.source and r.source_pk like 'deleted%')`,
      [source, kind, JSON.stringify(batch)],
    );
    for (const row of rows) previous.set(row.local_id, toPreviousImport(row));
  });
  return previous;
}
