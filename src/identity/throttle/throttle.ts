import { createHash } from 'node:crypto';
import type { Database, Statement } from '../../platform/database/index.ts';
import { foldName } from '../../platform/fold.ts';
import { plusSeconds } from '../../platform/time.ts';
import { networkOf } from './network.ts';

/** Failures allowed before an attempt is refused unevaluated. */
export interface ThrottleLimits {
  /** For one name from one network, in 15 minutes. */
  readonly name: number;
  /** From one network, in 15 minutes. */
  readonly network: number;
  /** For one name from anywhere, in an hour; networks from which the user has logged in in 90 days are spared. */
  readonly account: number;
}

export type Reservation =
  | { readonly ok: true; giveBack(): Promise<void> }
  | { readonly ok: false; readonly retryAfterSeconds: number };

const QUARTER_HOUR = 900;
const HOUR = 3600;
const KNOWN_FOR_SECONDS = 90 * 86_400;

/**
 * Counts the attempt against every limit that has room, in one statement, and names those that had; `known` when the network
 * is one of the user's own. A window that is over begins anew.
 * $1 keys, $2 limits, $3 seconds, $4 spared, $5 folded name, $6 network digest, $7 known since, $8 now.
 */
const reserveStatement: Statement = {
  name: 'identity-throttle-reserve',
  text: `with attempt as (
      select decode(k, 'hex') as key, m, s, spared from unnest($1::text[], $2::int[], $3::int[], $4::boolean[]) as a(k, m, s, spared)
    ), known as (
      select exists (select from identity_known_network n join identity_user u on u.id = n.user_id
        where (u.username_key = $5 or (u.email_key = $5 and u.email_verified_at is not null))
          and n.network_digest = decode($6, 'hex') and n.last_success_at > $7::timestamptz) as yes
    ), reserved as (
      insert into identity_throttle as t (key_digest, failures, max_failures, window_started_at, expires_at)
      select key, 1, m, $8::timestamptz, $8::timestamptz + make_interval(secs => s) from attempt, known where not (spared and known.yes) order by key
      on conflict (key_digest) do update set
        failures = case when t.expires_at <= excluded.window_started_at then 1 else t.failures + 1 end,
        window_started_at = case when t.expires_at <= excluded.window_started_at then excluded.window_started_at else t.window_started_at end,
        expires_at = case when t.expires_at <= excluded.window_started_at then excluded.expires_at else t.expires_at end,
        max_failures = excluded.max_failures
      where t.expires_at <= excluded.window_started_at or t.failures < excluded.max_failures
      returning encode(key_digest, 'hex') as key
    ) select key from reserved union all select 'known' from known where yes`,
};

const giveBackStatement: Statement = {
  name: 'identity-throttle-give-back',
  text: `update identity_throttle set failures = failures - 1 where key_digest in (select decode(k, 'hex') from unnest($1::text[]) as k) and failures > 0`,
};

const waitStatement: Statement = {
  name: 'identity-throttle-wait',
  text: `select max(extract(epoch from expires_at))::float8 as until from identity_throttle where key_digest in (select decode(k, 'hex') from unnest($1::text[]) as k)`,
};

/**
 * Reserves one attempt for a name from an address, before anything is verified: it counts as failed until it is given back.
 * Unknown names count alike, every spelling of a name is one counter, and a refused attempt counts for nothing, so that no
 * window is ever made longer.
 */
export async function reserveAttempt(
  db: Database,
  limits: ThrottleLimits,
  name: string,
  ip: string,
  now: Date,
): Promise<Reservation> {
  const folded = foldName(name);
  const network = networkOf(ip);
  const keys = [
    { key: keyOf('name', folded, network), limit: limits.name, seconds: QUARTER_HOUR, spared: false },
    { key: keyOf('network', network), limit: limits.network, seconds: QUARTER_HOUR, spared: false },
    { key: keyOf('account', folded), limit: limits.account, seconds: HOUR, spared: true },
  ];
  const rows = await db.query<{ key: string }>(reserveStatement, [
    keys.map((one) => one.key),
    keys.map((one) => one.limit),
    keys.map((one) => one.seconds),
    keys.map((one) => one.spared),
    folded,
    networkDigest(ip).toString('hex'),
    plusSeconds(now, -KNOWN_FOR_SECONDS),
    now,
  ]);
  const answered = new Set(rows.map((row) => row.key));
  const isKnown = answered.delete('known');
  const reserved = [...answered];
  const giveBack = async () => void (await db.query(giveBackStatement, [reserved]));
  const full = keys.filter((one) => !answered.has(one.key) && !(one.spared && isKnown)).map((one) => one.key);
  if (full.length === 0) return { ok: true, giveBack };
  await giveBack();
  const [wait] = await db.query<{ until: number | null }>(waitStatement, [full]);
  const seconds = (wait?.until ?? 0) - now.getTime() / 1000;
  return { ok: false, retryAfterSeconds: Math.max(1, Math.ceil(seconds)) };
}

/** What is kept of a network from which somebody logged in. */
export function networkDigest(ip: string): Buffer {
  return createHash('sha256')
    .update(`network\0${networkOf(ip)}`)
    .digest();
}

function keyOf(...parts: string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex');
}
