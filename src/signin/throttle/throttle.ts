import { casefoldName } from '../../platform/casefold.ts';
import type { Database, Statement } from '../../platform/database/index.ts';
import { digest } from '../../platform/digest.ts';
import { plusSeconds } from '../../platform/time.ts';
import { userView } from '../../users/index.ts';
import { incrementCounters, releaseReservation, retryAfterSeconds, throttleKey } from './counters.ts';
import { clientNetwork } from './network.ts';

/** The number of failures after which attempts are refused without verification. */
export interface ThrottleLimits {
  /** For one name from one network, in 15 minutes. */
  readonly name: number;
  /** From one network, in 15 minutes. */
  readonly network: number;
  /** For one name from all networks, in an hour; networks from which the user has logged in within 90 days are exempt. */
  readonly account: number;
}

export type Reservation =
  | { readonly ok: true; release(): Promise<void> }
  | { readonly ok: false; readonly retryAfterSeconds: number };

/** An attempt to guess a secret. */
export interface ThrottledAttempt {
  readonly name: string;
  readonly ip: string;
  /** Passwords and user codes have separate counters. The default is `password`. */
  readonly secret?: 'password' | 'user code';
}

const QUARTER_HOUR = 900;
const HOUR = 3600;

/** After this time without a login a network is no longer familiar. */
export const FAMILIAR_NETWORK_SECONDS = 90 * 86_400;

/**
 * Increments, in one statement, every counter that is below its limit and returns their keys, and `familiar` if the user has logged in
 * from this network. The network's counter comes first: if it is full, no other changes, so that a flood of names leaves no
 * rows. An expired window starts again. Rows are locked in the order network, then key, here and in the release.
 * $1 keys (the network's first), $2 limits, $3 seconds, $4 exempt, $5 folded name, $6 network digest, $7 earliest login, $8 now.
 */
const reserveStatement: Statement = {
  name: 'signin-throttle-reserve',
  text: `with attempt as (
      select decode(k, 'hex') as key, m, s, exempt, n from unnest($1::text[], $2::int[], $3::int[], $4::boolean[]) with ordinality as a(k, m, s, exempt, n)
    ), familiar as (
      select exists (select from signin_familiar_network n join ${userView('u')} on u.id = n.user_id
        where (u.username_key = $5 or (u.email_key = $5 and u.email_verified_at is not null))
          and n.network_digest = decode($6, 'hex') and n.last_success_at > $7::timestamptz) as yes
    ), network as (
      ${incrementCounters('select key, 1, m, $8::timestamptz, $8::timestamptz + make_interval(secs => s) from attempt where n = 1')}
    ), others as (
      ${incrementCounters(`select key, 1, m, $8::timestamptz, $8::timestamptz + make_interval(secs => s) from attempt, familiar
        where n > 1 and not (exempt and familiar.yes) and exists (select from network) order by key`)}
    ) select key from network union all select key from others union all select 'familiar' from familiar where yes`,
};

/**
 * Reserves one attempt for a name from an address before anything is verified: it counts as failed until it is released.
 * Unknown names are counted too, every spelling of a name has the same counter, and a refused attempt is not counted, so that it does not
 * extend the window. A user's e-mail address has its own counter: a common one would reveal that both belong together.
 */
export async function reserveAttempt(
  db: Database,
  limits: ThrottleLimits,
  { name, ip, secret = 'password' }: ThrottledAttempt,
  now: Date,
): Promise<Reservation> {
  const prefix = secret === 'password' ? '' : `${secret} `;
  const folded = casefoldName(name);
  const network = clientNetwork(ip);
  const others = [
    { key: throttleKey(`${prefix}name`, folded, network), limit: limits.name, seconds: QUARTER_HOUR, exempt: false },
    { key: throttleKey(`${prefix}account`, folded), limit: limits.account, seconds: HOUR, exempt: true },
  ].sort((a, b) => (a.key < b.key ? -1 : 1));
  const first = {
    key: throttleKey(`${prefix}network`, network),
    limit: limits.network,
    seconds: QUARTER_HOUR,
    exempt: false,
  };
  const keys = [first, ...others];
  const rows = await db.query<{ key: string }>(reserveStatement, [
    keys.map((one) => one.key),
    keys.map((one) => one.limit),
    keys.map((one) => one.seconds),
    keys.map((one) => one.exempt),
    folded,
    networkDigest(ip).toString('hex'),
    plusSeconds(now, -FAMILIAR_NETWORK_SECONDS),
    now,
  ]);
  const incremented = new Set(rows.map((row) => row.key));
  const isFamiliar = incremented.delete('familiar');
  const reserved = keys.map((one) => one.key).filter((key) => incremented.has(key));
  const release = () => releaseReservation(db, reserved);
  const isFull = (one: (typeof keys)[number]) => !incremented.has(one.key) && !(one.exempt && isFamiliar);
  const full = isFull(first) ? [first.key] : others.filter(isFull).map((one) => one.key);
  if (full.length === 0) return { ok: true, release };
  await release();
  return { ok: false, retryAfterSeconds: await retryAfterSeconds(db, full, now) };
}

/** Returns the stored digest of a network. */
export function networkDigest(ip: string): Buffer {
  return digest(`network\0${clientNetwork(ip)}`);
}
