import { type Database, hotSelect } from '../platform/database/index.ts';

const sourceId = hotSelect(
  'imports-source-id',
  // Without tombstone keys.
  `select source_pk from imports_record where source = $1 and kind = 'user' and local_id = $2 and source_pk not like 'deleted%'`,
);

/** Returns a user's primary key in the system from which it was imported, for one API. */
export async function findSourceId(
  db: Database,
  audience: string,
  userId: string,
): Promise<string | number | undefined> {
  const [row] = await db.query<{ source_pk: string }>(sourceId, [audience, userId]);
  const value: unknown = row && JSON.parse(row.source_pk);
  return typeof value === 'string' || typeof value === 'number' ? value : undefined;
}
