import { randomUUIDv7 } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { announce, type Database } from '../platform/database/index.ts';
import type { Clock } from '../platform/time.ts';
import { bumpAndNotify, type RightsChange } from './principal.ts';

/** Whom a change touches, as a query of distinct `id`s: it may be more than anybody wants to list. */
export interface PrincipalQuery {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** What touches more principals than this is carried out in batches after the transaction of the change. */
export const BATCH_THRESHOLD = 1000;

/** Principals of one batch. */
const BATCH = 500;

/** Places that are suspended in a second, by each process: everyone who stands there asks for another token. */
const SUSPENDED_A_SECOND = 5000;

/** The topic of the signal by which a running server hears that there is something to spread. */
export const FAN_OUT_TOPIC = 'spread';

/**
 * Notes a change that touches many, in its transaction: whom it touches, and no more. Three statements, however many they are.
 *
 * From the end of this transaction on Signet itself answers by the rights of now, because the version of the APIs (`apisToBump`, null
 * for every one) grows: what a process keeps of rights counts only at the versions of its principal *and* its API. What is left
 * for the batches is what local verifiers are told, and the versions of the principals, so that no token pairs old rights with a
 * place that stays valid:
 * - A place that there was before the batch, or that was taken before it by whoever had read the old version, moves in the batch.
 * - After the batch nobody can take a place for the old version: taking one waits for the principal's row, and finds another.
 *
 * Whom a change touches is written down once. Whoever comes to the group later reads the rights of then, by a version of its own;
 * whoever leaves it, or whose group or API goes, keeps the turn, which does no harm.
 */
export async function queueFanOut(
  tx: SqlEntityManager,
  { sql, values }: PrincipalQuery,
  { kind, apis }: RightsChange,
  apisToBump: readonly string[] | null,
): Promise<void> {
  await raiseApis(tx, apisToBump);
  // Nothing that a token says has changed: a group without permissions, by its name alone.
  if (apis?.length === 0) return;
  const id = randomUUIDv7();
  await tx.execute(
    `insert into access_spread (id, kind, apis)
     values (?, ?, (select array_agg(value::uuid) from jsonb_array_elements_text(?::jsonb)))`,
    [id, kind, JSON.stringify(apis ?? [])],
  );
  await tx.execute(
    `insert into access_spread_principal (spread_id, turn, principal_id)
     select ?::uuid, row_number() over (order by t.id), t.id from (${sql}) t`,
    [id, ...values],
  );
  await announce(tx, FAN_OUT_TOPIC);
}

async function raiseApis(tx: SqlEntityManager, apis: readonly string[] | null): Promise<void> {
  if (apis?.length === 0) return;
  const where = apis === null ? '' : `where id in (${apis.map(() => '?').join(', ')})`;
  await tx.execute(
    `with held as materialized (select id from access_api ${where} order by id for no key update)
     update access_api a set version = a.version + 1 from held where a.id = held.id`,
    [...(apis ?? [])],
  );
}

/** What one batch did. */
export interface FanOutBatch {
  readonly kind: RightsChange['kind'];
  readonly principals: number;
  /** Places in status lists. */
  readonly moved: number;
}

/**
 * The next batch, in one transaction of a fixed number of statements: removals first, and no addition while a removal is left. A
 * process that finds the change in the hands of another takes the next one, or nothing. What a crash undoes is done by the next
 * batch. Null when there is nothing to do.
 */
export function runFanOutBatch(db: Database, size = BATCH): Promise<FanOutBatch | null> {
  return db.fork().transactional(async (tx) => {
    const [spread] = await tx.execute<{ id: string; kind: RightsChange['kind']; apis: string | null; done: number }[]>(
      `select id, kind, array_to_string(apis, ' ') as apis, done
       from access_spread where kind = 'removed' or not exists (select from access_spread where kind = 'removed')
       order by kind = 'removed' desc, id limit 1 for update skip locked`,
    );
    if (!spread) return null;
    const { id, kind, done } = spread;
    const rows = await tx.execute<{ id: string }[]>(
      'delete from access_spread_principal where spread_id = ? and turn > ? and turn <= ? returning principal_id as id',
      [id, done, done + size],
    );
    const ids = rows.map((row) => row.id);
    const moved = await bumpAndNotify(tx, ids, { kind, apis: spread.apis?.split(' ') ?? null });
    if (ids.length < size) await tx.execute('delete from access_spread where id = ?', [id]);
    else await tx.execute('update access_spread set done = ? where id = ?', [done + size, id]);
    return { kind, principals: ids.length, moved };
  });
}

/**
 * Carries out what there is to spread, until nothing is left or `stopping` says so; safe at many processes at once. After a batch
 * that suspends it waits, by chance a little shorter or longer, so that those who now need another token do not all ask at once.
 * Answers how many principals had their turn.
 */
export async function runFanOut(
  db: Database,
  clock: Clock,
  stopping?: { readonly aborted: boolean },
): Promise<number> {
  let principals = 0;
  while (!stopping?.aborted) {
    const batch = await runFanOutBatch(db);
    if (!batch) break;
    principals += batch.principals;
    await clock.sleepUntil(new Date(clock.now().getTime() + pauseMs(batch, Math.random())));
    // The embedded engine answers without ever leaving the queue of promises: requests are served here.
    await setImmediate();
  }
  return principals;
}

/** How long until the next batch: `chance` (0 to 1) makes it half as long to half as long again. */
function pauseMs({ kind, moved }: FanOutBatch, chance: number): number {
  return kind === 'removed' ? (moved / SUSPENDED_A_SECOND) * 1000 * (0.5 + chance) : 0;
}
