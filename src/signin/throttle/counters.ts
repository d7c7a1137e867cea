import type { Database, Statement } from '../../platform/database/index.ts';
import { digest } from '../../platform/digest.ts';

/** Returns the key of a counter: a digest, so that names and networks are not stored. */
export function throttleKey(...parts: string[]): string {
  return digest(parts.join('\0')).toString('hex');
}

/**
 * SQL that increments the counters of `rows` (key, 1, limit, now, end) that are below their limits and returns the keys of those. Other
 * counters do not change. An expired window starts again at 1.
 */
export function incrementCounters(rows: string): string {
  return `insert into signin_throttle as t (key_digest, failures, max_failures, window_started_at, expires_at)
      ${rows}
      on conflict (key_digest) do update set
        failures = case when t.expires_at <= excluded.window_started_at then 1 else t.failures + 1 end,
        window_started_at = case when t.expires_at <= excluded.window_started_at then excluded.window_started_at else t.window_started_at end,
        expires_at = case when t.expires_at <= excluded.window_started_at then excluded.expires_at else t.expires_at end,
        max_failures = excluded.max_failures
      where t.expires_at <= excluded.window_started_at or t.failures < excluded.max_failures
      returning encode(key_digest, 'hex') as key`;
}

/** Decrements counters and deletes those that fall to zero. $1 keys, in the order in which they were locked. */
const releaseStatement: Statement = {
  name: 'signin-throttle-release',
  text: `with held as materialized (
      select t.key_digest, t.failures from unnest($1::text[]) with ordinality as a(k, n)
      join signin_throttle t on t.key_digest = decode(a.k, 'hex') order by a.n for update of t
    ), deleted as (
      delete from signin_throttle t using held where t.key_digest = held.key_digest and held.failures <= 1
    ) update signin_throttle t set failures = t.failures - 1 from held where t.key_digest = held.key_digest and held.failures > 1`,
};

const waitStatement: Statement = {
  name: 'signin-throttle-wait',
  text: `select max(extract(epoch from expires_at))::float8 as until from signin_throttle where key_digest in (select decode(k, 'hex') from unnest($1::text[]) as k)`,
};

/** Returns the seconds until the windows of all of these counters have ended. */
export async function retryAfterSeconds(db: Database, keys: readonly string[], now: Date): Promise<number> {
  const [wait] = await db.query<{ until: number | null }>(waitStatement, [keys]);
  const seconds = (wait?.until ?? 0) - now.getTime() / 1000;
  return Math.max(1, Math.ceil(seconds));
}

/** Serialisation failure and deadlock (PostgreSQL's appendix A): nothing was changed, and a retry may succeed. */
const TRY_AGAIN = ['40001', '40P01'];

/**
 * Releases a reservation. Database errors are ignored: the attempt then stays counted until its window ends, which is better than
 * to refuse a correct password.
 */
export async function releaseReservation(db: Database, keys: readonly string[]): Promise<void> {
  for (let tries = 3; tries > 0 && keys.length > 0; tries--) {
    try {
      await db.query(releaseStatement, [keys]);
      return;
    } catch (error) {
      if (!TRY_AGAIN.includes((error as { code?: string }).code ?? '')) return;
    }
  }
}
