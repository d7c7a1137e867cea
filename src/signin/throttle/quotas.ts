import type { Database, Statement } from '../../platform/database/index.ts';
import { plusSeconds } from '../../platform/time.ts';
import { incrementCounters, releaseReservation, retryAfterSeconds, throttleKey } from './counters.ts';
import { clientNetwork } from './network.ts';
import type { Reservation } from './throttle.ts';

/** The kinds of rows that requests store, and the window in seconds in which those of one network or client are counted. */
const WINDOWS = {
  /** A pending authorization request. */
  interaction: 60,
  /** An authorization request pushed by a public client. */
  pushed: 60,
  /** A client metadata document, fetched from the client id. */
  document: 60,
  /** A pending device authorization of a public client. */
  device: 3600,
  /** A sign-up, which costs a password hash too. */
  signup: 3600,
  /** An authorization request pushed by a confidential client. */
  clientPushed: 60,
  /** A pending device authorization of a confidential client. */
  clientDevice: 3600,
} as const;

export type QuotaKind = keyof typeof WINDOWS;

/** The maximum number of rows of each kind per network or client and window. */
export type Quotas = Readonly<Record<QuotaKind, number>>;

/** The owner of a quota: the network of an address, or a client that has authenticated. */
export type QuotaOwner = { readonly ip: string } | { readonly clientId: string };

/** $1 key, $2 limit, $3 now, $4 end of the window. */
const reserveStatement: Statement = {
  name: 'signin-throttle-row',
  text: incrementCounters("values (decode($1, 'hex'), 1, $2::int, $3::timestamptz, $4::timestamptz)"),
};

/**
 * Reserves one row for its owner before it is written. Concurrent requests cannot exceed the limit, in any number of processes. A refused
 * request is not counted, so that it does not extend the window.
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
