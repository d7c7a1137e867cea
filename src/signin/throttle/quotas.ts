import type { Database, Statement } from '../../platform/database/index.ts';
import { plusSeconds } from '../../platform/time.ts';
import { counted, releaseReservation, retryAfterSeconds, throttleKey } from './counters.ts';
import { clientNetwork } from './network.ts';
import type { Reservation } from './throttle.ts';

/** What is stored for a request, and the seconds in which one network's or one client's are counted. */
const WINDOWS = {
  /** An authorization request that waits for its user. */
  interaction: 60,
  /** One that a public client has pushed. */
  pushed: 60,
  /** The metadata document of a client, fetched from where its id says. */
  document: 60,
  /** A device of a public client, that waits for its user. */
  device: 3600,
  /** A user who signs up: a hash, too. */
  signup: 3600,
  /** An authorization request that a client has pushed which authenticates. */
  clientPushed: 60,
  /** A device of such a client. */
  clientDevice: 3600,
} as const;

export type QuotaKind = keyof typeof WINDOWS;

/** How many of each one network or client may have stored in its window. */
export type Quotas = Readonly<Record<QuotaKind, number>>;

/** Whose quota it is: of an address's network where nobody has authenticated, else of the client. */
export type QuotaOwner = { readonly ip: string } | { readonly clientId: string };

/** $1 key, $2 limit, $3 now, $4 until. */
const reserveStatement: Statement = {
  name: 'signin-throttle-row',
  text: counted("values (decode($1, 'hex'), 1, $2::int, $3::timestamptz, $4::timestamptz)"),
};

/**
 * Reserves one row for its owner, before it is written: of many that come at once at the limit no more get through
 * than there is room for, at however many processes. A refused one counts for nothing, so that no window is ever made longer.
 */
export async function reserveQuota(
  db: Database,
  quotas: Quotas,
  kind: QuotaKind,
  owner: QuotaOwner,
  now: Date,
): Promise<Reservation> {
  const key = throttleKey(`${kind} rows`, 'ip' in owner ? clientNetwork(owner.ip) : `client ${owner.clientId}`);
  const values = [key, quotas[kind], now, plusSeconds(now, WINDOWS[kind])];
  if ((await db.query(reserveStatement, values)).length === 1)
    return { ok: true, release: () => releaseReservation(db, [key]) };
  return { ok: false, retryAfterSeconds: await retryAfterSeconds(db, [key], now) };
}
