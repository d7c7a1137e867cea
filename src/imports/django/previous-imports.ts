import type { SqlEntityManager } from '@mikro-orm/sql';
import { isNaturalKey, tombstoneKeys } from '../index.ts';
import { inBatches } from './batches.ts';
import type { DjangoUser, SourceRecord } from './reader/records.ts';

/** What an earlier run made of a record. */
export interface PreviousImport {
  readonly localId: string;
  /** Hexadecimal. */
  readonly digest: string;
  /** The key of that run. */
  readonly key: string;
  /** See `remembered.ts`; null where an earlier version imported it. */
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

/** A list as one parameter. An array and not a join: an index serves it, whatever the database thinks of the table's size. */
export const anyText = 'any(array(select jsonb_array_elements_text(?::jsonb)))';
export const anyId = 'any(array(select jsonb_array_elements_text(?::jsonb)::uuid))';

/** What earlier runs of a source made of these records, by their keys. */
export async function readPreviousImports(
  em: SqlEntityManager,
  source: string,
  kind: string,
  records: readonly Pick<SourceRecord, 'key'>[],
): Promise<Map<string, PreviousImport>> {
  const known = new Map<string, PreviousImport>();
  await inBatches(records, async (batch) => {
    const rows = await em.execute<Row[]>(
      `select ${COLUMNS} from imports_record
       where source = ? and kind = ? and source_pk = ${anyText}`,
      [source, kind, JSON.stringify(batch.map((one) => one.key))],
    );
    for (const row of rows) known.set(row.source_pk, toPreviousImport(row));
  });
  return known;
}

/** What earlier runs made of users who were deleted since, whom only a digest of their name recalls. */
export async function addDeletedUsers(
  em: SqlEntityManager,
  source: string,
  records: readonly DjangoUser[],
  known: Map<string, PreviousImport>,
): Promise<void> {
  const unknown = records.filter((one) => !known.has(one.key));
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
    for (const [key, one] of found) known.set(keyById.get(key) as string, one);
  });
}

/**
 * What earlier runs of a source made that is this now, by local id. Not who was renamed since: the name by which it is found here is none that
 * the source has for it (`addTombstoneKeys`).
 */
export async function readPreviousById(
  em: SqlEntityManager,
  source: string,
  kind: string,
  ids: ReadonlyMap<string, string>,
): Promise<Map<string, PreviousImport>> {
  const ours = new Map<string, PreviousImport>();
  await inBatches([...ids.values()], async (batch) => {
    const rows = await em.execute<Row[]>(
      `select ${COLUMNS} from imports_record i
       where source = ? and kind = ? and local_id = ${anyId} and not exists (
         select from imports_record r where r.local_id = i.local_id and r.source = i.source and r.source_pk like 'deleted%')`,
      [source, kind, JSON.stringify(batch)],
    );
    for (const row of rows) ours.set(row.local_id, toPreviousImport(row));
  });
  return ours;
}
