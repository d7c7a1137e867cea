import type { Database, Statement } from '../database/index.ts';
import { plusSeconds } from '../time.ts';

/** A delivery that this process has claimed; no other process has it until the lease ends. */
export interface ClaimedDelivery<Payload> {
  readonly id: string;
  readonly target: string;
  readonly payload: Payload;
  /** Including this one. */
  readonly tries: number;
}

/**
 * $1 topic, $2 now, $3 end of the lease, $4 limit, $5 limit per target, $6 targets that this process is sending to. Each target with
 * pending deliveries is found by one step through the index, so that one with ten thousand deliveries does not delay one with a single
 * delivery.
 */
const claimStatement: Statement = {
  name: 'platform-outbox-claim',
  text: `with recursive waiting as (
      (select target from platform_outbox where topic = $1 and done_at is null and held_by is null order by target limit 1)
      union all
      select (select d.target from platform_outbox d
        where d.topic = $1 and d.done_at is null and d.held_by is null and d.target > w.target order by d.target limit 1)
      from waiting w where w.target is not null
    ), due as materialized (
      select one.id from waiting w cross join lateral (
        select d.id, d.next_try_at from platform_outbox d
        where d.topic = $1 and d.target = w.target and d.done_at is null and d.held_by is null and d.next_try_at <= $2::timestamptz
        order by d.next_try_at limit $5 for update skip locked
      ) one where w.target <> all ($6::text[]) order by one.next_try_at limit $4
    ) update platform_outbox d set tries = d.tries + 1, next_try_at = $3::timestamptz
      from due where d.id = due.id
      returning d.id, d.target, d.payload::text as payload, d.tries::int as tries`,
};

/** Longer than a delivery takes: deliveries of a process that died are then claimed by another. */
const LEASE_SECONDS = 30;

/** Concurrent deliveries of a topic in one process. */
export interface DeliveryLimits {
  readonly all: number;
  /** A slow target uses this share only. */
  readonly perTarget: number;
}

/** Claims due deliveries of a topic, in one statement for any number of nodes. */
export async function claimDeliveries<Payload>(
  db: Database,
  topic: string,
  now: Date,
  limits: DeliveryLimits,
  busy: readonly string[],
): Promise<ClaimedDelivery<Payload>[]> {
  const values = [topic, now, plusSeconds(now, LEASE_SECONDS), limits.all, limits.perTarget, busy];
  const rows = await db.query<ClaimedDelivery<string>>(claimStatement, values);
  return rows.map(({ payload, ...row }) => ({ ...row, payload: JSON.parse(payload) as Payload }));
}

/** $1 delivery, $2 now, $3 error. */
const closeStatement: Statement = {
  name: 'platform-outbox-done',
  text: `update platform_outbox set done_at = $2::timestamptz, last_error = $3 where id = $1 and done_at is null`,
};

/** Marks a delivery as done, or with an error as given up. */
export async function closeDelivery(db: Database, id: string, now: Date, error: string | null): Promise<void> {
  await db.query(closeStatement, [id, now, error]);
}

/** $1 delivery, $2 the failed attempt, $3 time of the next, $4 error. Does nothing when another node has claimed it since. */
const rescheduleStatement: Statement = {
  name: 'platform-outbox-again',
  text: `update platform_outbox set next_try_at = $3::timestamptz, last_error = $4 where id = $1 and tries = $2 and done_at is null`,
};

export async function reschedule(
  db: Database,
  { id, tries }: Pick<ClaimedDelivery<unknown>, 'id' | 'tries'>,
  until: Date,
  error: string,
): Promise<void> {
  await db.query(rescheduleStatement, [id, tries, until, error]);
}
