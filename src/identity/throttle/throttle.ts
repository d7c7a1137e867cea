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
 * Counts the attempt, in one statement, against every limit that has room, and names those that had; `known` when the network is
 * one of the user's own. The network comes first: when it is full, nothing else is touched, so that a flood of names leaves no
 * rows. A window that is over begins anew. Rows are locked in the order network, then by key, here and when given back.
 * $1 keys (the network's first), $2 limits, $3 seconds, $4 spared, $5 folded name, $6 network digest, $7 known since, $8 now.
 */
const reserveStatement: Statement = {
  name: 'identity-throttle-reserve',
  text: `with attempt as (
      select decode(k, 'hex') as key, m, s, spared, n from unnest($1::text[], $2::int[], $3::int[], $4::boolean[]) with ordinality as a(k, m, s, spared, n)
    ), known as (
      select exists (select from identity_known_network n join identity_user u on u.id = n.user_id
        where (u.username_key = $5 or (u.email_key = $5 and u.email_verified_at is not null))
          and n.network_digest = decode($6, 'hex') and n.last_success_at > $7::timestamptz) as yes
    ), network as (
      ${upsert('select key, 1, m, $8::timestamptz, $8::timestamptz + make_interval(secs => s) from attempt where n = 1')}
    ), others as (
      ${upsert(`select key, 1, m, $8::timestamptz, $8::timestamptz + make_interval(secs => s) from attempt, known
        where n > 1 and not (spared and known.yes) and exists (select from network) order by key`)}
    ) select key from network union all select key from others union all select 'known' from known where yes`,
};

function upsert(rows: string): string {
  return `insert into identity_throttle as t (key_digest, failures, max_failures, window_started_at, expires_at)
      ${rows}
      on conflict (key_digest) do update set
        failures = case when t.expires_at <= excluded.window_started_at then 1 else t.failures + 1 end,
        window_started_at = case when t.expires_at <= excluded.window_started_at then excluded.window_started_at else t.window_started_at end,
        expires_at = case when t.expires_at <= excluded.window_started_at then excluded.expires_at else t.expires_at end,
        max_failures = excluded.max_failures
      where t.expires_at <= excluded.window_started_at or t.failures < excluded.max_failures
      returning encode(key_digest, 'hex') as key`;
}

/** Takes the attempt off again; a counter that falls to nothing leaves no row. $1 keys, in the order in which they were locked. */
const giveBackStatement: Statement = {
  name: 'identity-throttle-give-back',
  text: `with held as materialized (
      select t.key_digest, t.failures from unnest($1::text[]) with ordinality as a(k, n)
      join identity_throttle t on t.key_digest = decode(a.k, 'hex') order by a.n for update of t
    ), gone as (
      delete from identity_throttle t using held where t.key_digest = held.key_digest and held.failures <= 1
    ) update identity_throttle t set failures = t.failures - 1 from held where t.key_digest = held.key_digest and held.failures > 1`,
};

const waitStatement: Statement = {
  name: 'identity-throttle-wait',
  text: `select max(extract(epoch from expires_at))::float8 as until from identity_throttle where key_digest in (select decode(k, 'hex') from unnest($1::text[]) as k)`,
};

/**
 * Reserves one attempt for a name from an address, before anything is verified: it counts as failed until it is given back.
 * Unknown names count alike, every spelling of a name is one counter, and a refused attempt counts for nothing, so that no
 * window is ever made longer. A user's e-mail address is another name: one counter for both would tell that they belong together.
 * `what` is guessed: counters of passwords and of user codes have nothing to do with each other.
 */
export async function reserveAttempt(
  db: Database,
  limits: ThrottleLimits,
  name: string,
  ip: string,
  now: Date,
  what: 'password' | 'user code' = 'password',
): Promise<Reservation> {
  const of = what === 'password' ? '' : `${what} `;
  const folded = foldName(name);
  const network = networkOf(ip);
  const others = [
    { key: keyOf(`${of}name`, folded, network), limit: limits.name, seconds: QUARTER_HOUR, spared: false },
    { key: keyOf(`${of}account`, folded), limit: limits.account, seconds: HOUR, spared: true },
  ].sort((a, b) => (a.key < b.key ? -1 : 1));
  const first = { key: keyOf(`${of}network`, network), limit: limits.network, seconds: QUARTER_HOUR, spared: false };
  const keys = [first, ...others];
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
  const reserved = keys.map((one) => one.key).filter((key) => answered.has(key));
  const giveBack = () => giveBackSoon(db, reserved);
  const isFull = (one: (typeof keys)[number]) => !answered.has(one.key) && !(one.spared && isKnown);
  const full = isFull(first) ? [first.key] : others.filter(isFull).map((one) => one.key);
  if (full.length === 0) return { ok: true, giveBack };
  await giveBack();
  const [wait] = await db.query<{ until: number | null }>(waitStatement, [full]);
  const seconds = (wait?.until ?? 0) - now.getTime() / 1000;
  return { ok: false, retryAfterSeconds: Math.max(1, Math.ceil(seconds)) };
}

/** Serialisation failure and deadlock (PostgreSQL's appendix A): nothing was done, and the next try may succeed. */
const TRY_AGAIN = ['40001', '40P01'];

/**
 * Gives a reservation back. It may be lost when the database fails meanwhile: then the attempt stays counted until its window
 * ends, which is better than to refuse a right password for it.
 */
async function giveBackSoon(db: Database, keys: readonly string[]): Promise<void> {
  for (let tries = 3; tries > 0 && keys.length > 0; tries--) {
    try {
      await db.query(giveBackStatement, [keys]);
      return;
    } catch (error) {
      if (!TRY_AGAIN.includes((error as { code?: string }).code ?? '')) return;
    }
  }
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
