import { type Database, purgeRows, type Statement } from '../../platform/database/index.ts';
import { plusSeconds } from '../../platform/time.ts';
import type { Alg } from '../../tokens/index.ts';

/** A delivery that this process has claimed; no other process has it until the lease ends. */
export interface ClaimedDelivery {
  readonly id: string;
  /** The client's principal. */
  readonly client: string;
  readonly clientId: string;
  /** Null when the client has no URI any more, or is disabled. */
  readonly uri: string | null;
  readonly alg: Alg;
  readonly sub: string;
  readonly sid: string;
  /** Including this one. */
  readonly tries: number;
}

/**
 * $1 now, $2 end of the lease, $3 limit, $4 limit per client, $5 clients that are at their limit. Each client with
 * pending deliveries is found by one step through the index, so that one with ten thousand deliveries does not delay
 * one with a single delivery.
 */
const claimStatement: Statement = {
  name: 'oauth-logout-claim',
  text: `with recursive waiting as (
      (select client_id from oauth_logout_notice where done_at is null and after_session_id is null order by client_id limit 1)
      union all
      select (select n.client_id from oauth_logout_notice n
        where n.done_at is null and n.after_session_id is null and n.client_id > w.client_id order by n.client_id limit 1)
      from waiting w where w.client_id is not null
    ), due as materialized (
      select one.id from waiting w cross join lateral (
        select n.id, n.next_try_at from oauth_logout_notice n
        where n.client_id = w.client_id and n.done_at is null and n.after_session_id is null and n.next_try_at <= $1::timestamptz
        order by n.next_try_at limit $4 for update skip locked
      ) one where w.client_id <> all ($5::uuid[]) order by one.next_try_at limit $3
    ) update oauth_logout_notice n set tries = n.tries + 1, next_try_at = $2::timestamptz
      from due, oauth_client c where n.id = due.id and c.id = n.client_id
      returning n.id, c.id as client, c.client_id, n.sub, n.sid, n.tries::int as tries,
        case when c.is_active then c.settings ->> 'backchannelLogoutUri' end as uri,
        coalesce(c.settings ->> 'idTokenAlg', 'RS256') as alg`,
};

/** Longer than a delivery takes: deliveries of a process that died are then claimed by another. */
const LEASE_SECONDS = 30;

interface Row extends Omit<ClaimedDelivery, 'clientId'> {
  readonly client_id: string;
}

/** Claims due deliveries, in one statement for any number of nodes. */
export async function claimDeliveries(
  db: Database,
  now: Date,
  limits: { readonly all: number; readonly perClient: number },
  busy: readonly string[],
): Promise<ClaimedDelivery[]> {
  const values = [now, plusSeconds(now, LEASE_SECONDS), limits.all, limits.perClient, [...busy]];
  const rows = await db.query<Row>(claimStatement, values);
  return rows.map(({ client_id: clientId, ...row }) => ({ ...row, clientId }));
}

/** $1 delivery, $2 now, $3 error. */
const closeStatement: Statement = {
  name: 'oauth-logout-done',
  text: `update oauth_logout_notice set done_at = $2::timestamptz, last_error = $3 where id = $1 and done_at is null`,
};

/** Marks a delivery as done, or with an error as given up. */
export async function closeDelivery(db: Database, id: string, now: Date, error: string | null): Promise<void> {
  await db.query(closeStatement, [id, now, error]);
}

/**
 * $1 delivery, $2 the failed attempt, $3 time of the next, $4 error. Does nothing when another node has claimed it
 * since.
 */
const rescheduleStatement: Statement = {
  name: 'oauth-logout-again',
  text: `update oauth_logout_notice set next_try_at = $3::timestamptz, last_error = $4 where id = $1 and tries = $2 and done_at is null`,
};

export async function reschedule(
  db: Database,
  { id, tries }: ClaimedDelivery,
  until: Date,
  error: string,
): Promise<void> {
  await db.query(rescheduleStatement, [id, tries, until, error]);
}

const purgeDone: Statement = {
  name: 'oauth-purge-logout',
  text: `delete from oauth_logout_notice where id in (
    select id from oauth_logout_notice where done_at < $1::timestamptz limit $2) returning 1 as gone`,
};

/** Deliveries deferred to a session that expired and was never ended. */
const purgeDeferred: Statement = {
  name: 'oauth-purge-logout-held',
  text: `delete from oauth_logout_notice where id in (
    select n.id from oauth_logout_notice n where n.after_session_id is not null and n.created_at < $1::timestamptz
      and not exists (select from sessions_session s where s.id = n.after_session_id) limit $2) returning 1 as gone`,
};

/** How long outcomes stay visible to operators. */
const RETENTION_SECONDS = 7 * 86_400;

/** Deletes deliveries that were done or given up a week ago. */
export async function purgeDeliveries(db: Database, now: Date): Promise<void> {
  await purgeRows(db, purgeDone, plusSeconds(now, -RETENTION_SECONDS));
  await purgeRows(db, purgeDeferred, plusSeconds(now, -RETENTION_SECONDS));
}
