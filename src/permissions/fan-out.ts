import { randomUUIDv7 } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { announce, type Database, type RowQuery, type Topic } from '../platform/database/index.ts';
import type { Clock } from '../platform/time.ts';
import { invalidateNow, type RightsChange, whereApis } from './principal.ts';

/** The affected principals as a query of distinct `id`s; there may be too many to load. */
export type PrincipalQuery = RowQuery;

/** A change that affects more principals than this is carried out in batches after its transaction. */
export const BATCH_THRESHOLD = 1000;

/** Principals of one batch. */
const BATCH = 500;

/** Status-list entries that each process suspends per second: each suspended token causes a request for another one. */
const SUSPENSIONS_PER_SECOND = 5000;

/** Queued changes. A running server follows it with `runFanOut`. */
export const FAN_OUT_TOPIC: Topic = { name: 'fan-out' };

/**
 * Queues a change that affects many principals, in its transaction: three statements for any number of principals.
 *
 * From the end of this transaction Signet itself decides by the new rights, because the version of the APIs (`apisToBump`, null for
 * all) grows: cached rights are used only at the versions of their principal *and* their API. The batches update the statuses that
 * local verifiers read, and the versions of the principals, so that no token pairs old rights with a valid status:
 * - An index that existed before the batch, or was allocated by a request that had read the old version, changes in the batch.
 * - After the batch no request can allocate one for the old version: it waits for the principal's row and finds another version.
 *
 * The principals are listed once. One that joins the group later reads the new rights at its own version; one that leaves it, or whose
 * group or API is deleted, stays listed, which does no harm.
 */
export async function queueFanOut(
  tx: SqlEntityManager,
  { sql, values }: PrincipalQuery,
  { kind, apis }: RightsChange,
  apisToBump: readonly string[] | null,
): Promise<void> {
  await bumpApis(tx, apisToBump);
  // No token changes, for example when a group is renamed.
  if (apis?.length === 0) return;
  const id = randomUUIDv7();
  await tx.execute(
    `insert into permissions_fan_out (id, kind, apis)
     values (?, ?, (select array_agg(value::uuid) from jsonb_array_elements_text(?::jsonb)))`,
    [id, kind, JSON.stringify(apis ?? [])],
  );
  await tx.execute(
    `insert into permissions_fan_out_principal (fan_out_id, ordinal, principal_id)
     select ?::uuid, row_number() over (order by t.id), t.id from (${sql}) t`,
    [id, ...values],
  );
  await announce(tx, FAN_OUT_TOPIC);
}

async function bumpApis(tx: SqlEntityManager, apis: readonly string[] | null): Promise<void> {
  if (apis?.length === 0) return;
  await tx.execute(
    `with held as materialized (select id from permissions_api ${whereApis(apis)} order by id for no key update)
     update permissions_api a set version = a.version + 1 from held where a.id = held.id`,
    [...(apis ?? [])],
  );
}

/** The result of one batch. */
export interface FanOutBatch {
  readonly kind: RightsChange['kind'];
  readonly principals: number;
  /** Status-list entries that changed. */
  readonly statuses: number;
}

/**
 * Runs the next batch in one transaction of a fixed number of statements: removals first, additions only when no removal is left. Skips
 * a change that another process holds. What a crash undoes, the next batch does again. Returns null when nothing is queued.
 */
export function runFanOutBatch(db: Database, size = BATCH): Promise<FanOutBatch | null> {
  return db.fork().transactional(async (tx) => {
    const [fanOut] = await tx.execute<{ id: string; kind: RightsChange['kind']; apis: string | null; done: number }[]>(
      `select id, kind, array_to_string(apis, ' ') as apis, done
       from permissions_fan_out where kind = 'removed' or not exists (select from permissions_fan_out where kind = 'removed')
       order by kind = 'removed' desc, id limit 1 for update skip locked`,
    );
    if (!fanOut) return null;
    const { id, kind, done } = fanOut;
    const rows = await tx.execute<{ id: string }[]>(
      'delete from permissions_fan_out_principal where fan_out_id = ? and ordinal > ? and ordinal <= ? returning principal_id as id',
      [id, done, done + size],
    );
    const ids = rows.map((row) => row.id);
    const statuses = await invalidateNow(tx, ids, { kind, apis: fanOut.apis?.split(' ') ?? null });
    if (ids.length < size) await tx.execute('delete from permissions_fan_out where id = ?', [id]);
    else await tx.execute('update permissions_fan_out set done = ? where id = ?', [done + size, id]);
    return { kind, principals: ids.length, statuses };
  });
}

/**
 * Runs queued batches until none is left or `stopping` is aborted; any number of processes may do so at once. After a batch that suspends
 * it waits for a time with jitter, so that the affected principals do not all ask for another token at once. Returns how many
 * principals it updated.
 */
export async function runFanOut(db: Database, clock: Clock, stopping?: { readonly aborted: boolean }): Promise<number> {
  let principals = 0;
  while (!stopping?.aborted) {
    const batch = await runFanOutBatch(db);
    if (!batch) break;
    principals += batch.principals;
    await clock.sleepUntil(new Date(clock.now().getTime() + pauseMs(batch, Math.random())));
    // The embedded engine resolves in microtasks only: this lets other requests run.
    await setImmediate();
  }
  return principals;
}

/** Returns the milliseconds until the next batch; `chance` (0 to 1) varies them from half to one and a half. */
function pauseMs({ kind, statuses }: FanOutBatch, chance: number): number {
  return kind === 'removed' ? (statuses / SUSPENSIONS_PER_SECOND) * 1000 * (0.5 + chance) : 0;
}
