import type { SqlEntityManager } from '@mikro-orm/sql';
import { CompiledQuery } from 'kysely';
import type { Database } from '../../platform/database/index.ts';
import { inBatches } from './batches.ts';
import type { PlannedRow } from './plan-state.ts';

/**
 * Runs `work` under an advisory lock that tells `deleteAbandonedRows` in other processes that this import is running. The lock belongs to a
 * transaction on a separate connection that stays open during the work, and ends with the process. A time limit instead
 * would either delete the rows of a long import or leave those of a crash. The embedded engine has one process and one
 * connection, and needs no lock.
 */
export async function withImportLock(db: Database, importId: string, work: () => Promise<void>): Promise<void> {
  if (db.engine === 'embedded') return work();
  const locked = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const transaction = db.fork().transactional(async (tx) => {
    await tx.execute('set local idle_in_transaction_session_timeout = 0');
    await tx.execute('select pg_advisory_xact_lock(hashtextextended(?, 0))', [importId]);
    locked.resolve();
    await done.promise;
  });
  // If the connection of the lock is lost, the work continues.
  const ended = transaction.catch(() => {});
  await Promise.race([locked.promise, transaction]);
  try {
    // Not inside the callback: there every entity manager would join the transaction of the lock.
    await work();
  } finally {
    done.resolve();
    await ended;
  }
}

const insert = `insert into imports_staged_row (import_id, ordinal, kind, row)
  select $1::uuid, $2::int + n::int, one->>'kind', one->'row' from jsonb_array_elements($3::jsonb) with ordinality as batch(one, n)`;

/**
 * Stores the rows in the staging table in their order, one batch per statement. Uses bound parameters: `em.execute` writes values into the
 * text of the statement, which appears in errors and in the server's log, where no password hash belongs.
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
 * Deletes staged rows of imports that did not finish, for example because of a crash. Runs before a server starts, before every import,
 * and as a job. A running import keeps its rows: in another process it holds a lock (see `withImportLock`). The embedded engine has one
 * process, so imports with an id (a UUIDv7) older than `processStart` are not running.
 */
export async function deleteAbandonedRows(db: Database, processStart = performance.timeOrigin): Promise<void> {
  await db.fork().transactional(async (tx) => {
    // A large import has many rows: the server's statement timeout must not stop it from starting.
    await tx.execute('set local statement_timeout = 0');
    if (db.engine === 'embedded') {
      const start = Math.floor(processStart).toString(16).padStart(12, '0');
      const first = `${start.slice(0, 8)}-${start.slice(8)}-0000-0000-000000000000`;
      await tx.execute('delete from imports_staged_row where import_id < ?::uuid', [first]);
      return;
    }
    await tx.execute(
      `with found as materialized (select distinct import_id from imports_staged_row),
         abandoned as materialized (select import_id from found where pg_try_advisory_xact_lock(hashtextextended(import_id::text, 0)))
       delete from imports_staged_row where import_id in (select import_id from abandoned)`,
    );
  });
}
