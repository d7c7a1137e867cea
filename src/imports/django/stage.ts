import type { SqlEntityManager } from '@mikro-orm/sql';
import { CompiledQuery } from 'kysely';
import type { Database } from '../../platform/database/index.ts';
import { inBatches } from './batches.ts';
import type { PlannedRow } from './plan-state.ts';

/**
 * Carries out `work` so that `deleteAbandonedRows` in another process can tell that this import is running: by an advisory lock of a
 * transaction that stays open meanwhile, on a connection of its own. It ends with the process, however that ends; a time limit
 * would either drop the rows of a long import or leave those of a crash. The embedded engine has one process and one
 * connection: there is nobody to tell.
 */
export async function withImportLock(db: Database, importId: string, work: () => Promise<void>): Promise<void> {
  if (db.engine === 'embedded') return work();
  const held = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const holding = db.fork().transactional(async (tx) => {
    await tx.execute('set local idle_in_transaction_session_timeout = 0');
    await tx.execute('select pg_advisory_xact_lock(hashtextextended(?, 0))', [importId]);
    held.resolve();
    await done.promise;
  });
  // Losing the connection that only holds the lock undoes nothing of the work.
  const ended = holding.catch(() => {});
  await Promise.race([held.promise, holding]);
  try {
    // Not inside the callback: there every unit of work would join the transaction of the lock.
    await work();
  } finally {
    done.resolve();
    await ended;
  }
}

const insert = `insert into imports_staged_row (import_id, ordinal, kind, row)
  select $1::uuid, $2::int + n::int, one->>'kind', one->'row' from jsonb_array_elements($3::jsonb) with ordinality as batch(one, n)`;

/**
 * Puts the rows aside, a batch a statement, in their order. With bound parameters: `em.execute` writes values into the text of
 * the statement, and that text stands in errors and in the server's log, where no password hash belongs.
 */
export async function stage(
  em: SqlEntityManager,
  importId: string,
  rows: readonly PlannedRow[],
  onProgress: (done: number) => void,
): Promise<void> {
  const kysely = em.getKysely();
  await inBatches(rows, async (batch, from) => {
    await kysely.executeQuery(CompiledQuery.raw(insert, [importId, from, JSON.stringify(batch)]));
    onProgress(from + batch.length);
  });
}

export async function deleteStagedRows(em: SqlEntityManager, importId: string): Promise<void> {
  await em.execute('delete from imports_staged_row where import_id = ?', [importId]);
}

/**
 * Drops what imports left behind that ended before they were done, such as by a crash; before a server serves, before every import,
 * and now and then. One that runs keeps its rows: in another process it holds a lock (see `whileRunning`). The embedded engine has one
 * process, and whatever runs there began after that did (`processStart`), as the time in its id says.
 */
export async function deleteAbandonedRows(db: Database, processStart = performance.timeOrigin): Promise<void> {
  await db.fork().transactional(async (tx) => {
    // A server's statements have little time; those of a large import are many, and must not keep it from starting.
    await tx.execute('set local statement_timeout = 0');
    if (db.engine === 'embedded') {
      const start = Math.floor(processStart).toString(16).padStart(12, '0');
      const first = `${start.slice(0, 8)}-${start.slice(8)}-0000-0000-000000000000`;
      await tx.execute('delete from imports_staged_row where import_id < ?::uuid', [first]);
      return;
    }
    await tx.execute(
      `with found as materialized (select distinct import_id from imports_staged_row),
         dead as materialized (select import_id from found where pg_try_advisory_xact_lock(hashtextextended(import_id::text, 0)))
       delete from imports_staged_row where import_id in (select import_id from dead)`,
    );
  });
}
