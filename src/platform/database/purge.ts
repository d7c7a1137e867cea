import { setImmediate } from 'node:timers/promises';
import type { Database } from './database.ts';
import type { Statement } from './statement.ts';

/** Rows of one statement: short enough that nothing waits for it. */
export const PURGE_BATCH = 1000;

/** Statements of one run: what is left then waits for the next, so that a run ends. */
export const PURGE_ROUNDS = 20;

/**
 * Deletes rows that ended before an instant, a batch at a time until one comes back short, twenty at the most; answers how many.
 * The statement takes $1 the instant and $2 the size of a batch, and returns one row for each that it deleted.
 */
export async function purgeRows(db: Database, statement: Statement, endedBefore: Date): Promise<number> {
  let purged = 0;
  for (let round = 0; round < PURGE_ROUNDS; round++) {
    const { length } = await db.query(statement, [endedBefore, PURGE_BATCH]);
    purged += length;
    if (length < PURGE_BATCH) break;
    // The embedded engine answers without ever leaving the queue of promises: requests are served here.
    await setImmediate();
  }
  return purged;
}
