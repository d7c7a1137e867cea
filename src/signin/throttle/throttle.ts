import { createHash } from 'node:crypto';
import { casefoldName } from '../../platform/casefold.ts';
import type { Database, Statement } from '../../platform/database/index.ts';
import { plusSeconds } from '../../platform/time.ts';
import { counted, releaseReservation, retryAfterSeconds, throttleKey } from './counters.ts';
import { clientNetwork } from './network.ts';

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
  | { readonly ok: true; release(): Promise<void> }
  | { readonly ok: false; readonly retryAfterSeconds: number };

const QUARTER_HOUR = 900;
const HOUR = 3600;
const FAMILIAR_NETWORK_SECONDS = 90 * 86_400;

/**
 * Counts the attempt, in one statement, against every limit that has room, and names those that had; `known` when the network is
 * one of the user's own. The network comes first: when it is full, nothing else is touched, so that a flood of names leaves no
 * rows. A window that is over begins anew. Rows are locked in the order network, then by key, here and when given back.
 * $1 keys (the network's first), $2 limits, $3 seconds, $4 spared, $5 folded name, $6 network digest, $7 known since, $8 now.
 */
const reserveStatement: Statement = {
  name: 'signin-throttle-reserve',
  text: `with attempt as (
      select decode(k, 'hex') as key, m, s, spared, n from unnest($1::text[], $2::int[], $3::int[], $4::boolean[]) with ordinality as a(k, m, s, spared, n)
    ), known as (
      select exists (select from signin_familiar_network n join users_user u on u.id = n.user_id
        where (u.username_key = $5 or (u.email_key = $5 and u.email_verified_at is not null))
          and n.network_digest = decode($6, 'hex') and n.last_success_at > $7::timestamptz) as yes
    ), network as (
      ${counted('select key, 1, m, $8::timestamptz, $8::timestamptz + make_interval(secs => s) from attempt where n = 1')}
    ), others as (
      ${counted(`select key, 1, m, $8::timestamptz, $8::timestamptz + make_interval(secs => s) from attempt, known
        where n > 1 and not (spared and known.yes) and exists (select from network) order by key`)}
    ) select key from network union all select key from others union all select 'known' from known where yes`,
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
  const folded = casefoldName(name);
  const network = clientNetwork(ip);
  const others = [
    { key: throttleKey(`${of}name`, folded, network), limit: limits.name, seconds: QUARTER_HOUR, spared: false },
    { key: throttleKey(`${of}account`, folded), limit: limits.account, seconds: HOUR, spared: true },
  ].sort((a, b) => (a.key < b.key ? -1 : 1));
  const first = {
    key: throttleKey(`${of}network`, network),
    limit: limits.network,
    seconds: QUARTER_HOUR,
    spared: false,
  };
  const keys = [first, ...others];
  const rows = await db.query<{ key: string }>(reserveStatement, [
    keys.map((one) => one.key),
    keys.map((one) => one.limit),
    keys.map((one) => one.seconds),
    keys.map((one) => one.spared),
    folded,
    networkDigest(ip).toString('hex'),
    plusSeconds(now, -FAMILIAR_NETWORK_SECONDS),
    now,
  ]);
  const answered = new Set(rows.map((row) => row.key));
  const isKnown = answered.delete('known');
  const reserved = keys.map((one) => one.key).filter((key) => answered.has(key));
  const release = () => releaseReservation(db, reserved);
  const isFull = (one: (typeof keys)[number]) => !answered.has(one.key) && !(one.spared && isKnown);
  const full = isFull(first) ? [first.key] : others.filter(isFull).map((one) => one.key);
  if (full.length === 0) return { ok: true, release };
  await release();
  return { ok: false, retryAfterSeconds: await retryAfterSeconds(db, full, now) };
}

/** What is kept of a network from which somebody logged in. */
export function networkDigest(ip: string): Buffer {
  return createHash('sha256')
    .update(`network\0${clientNetwork(ip)}`)
    .digest();
}
