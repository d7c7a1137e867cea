import type { Database, Statement } from '../../platform/database/index.ts';
import { plusSeconds } from '../../platform/time.ts';
import { counted, giveBackSoon, keyOf, secondsUntilRoom } from './counters.ts';
import { networkOf } from './network.ts';
import type { Reservation } from './throttle.ts';

/** What anybody may have stored without being somebody, and the seconds in which one network's are counted. */
const WINDOWS = {
  /** An authorization request that waits for its user. */
  interaction: 60,
  /** One that a public client has pushed. */
  pushed: 60,
  /** A device of a public client, that waits for its user. */
  device: 3600,
  /** A user who signs up: a hash, too. */
  signup: 3600,
} as const;

export type AnonymousRow = keyof typeof WINDOWS;

/** How many of each one network may have stored in its window. */
export type RowLimits = Readonly<Record<AnonymousRow, number>>;

/** $1 key, $2 limit, $3 now, $4 until. */
const reserveStatement: Statement = {
  name: 'identity-throttle-row',
  text: counted("values (decode($1, 'hex'), 1, $2::int, $3::timestamptz, $4::timestamptz)"),
};

/**
 * Reserves one row for the network of an address, before it is written: of many that come at once at the limit no more get through
 * than there is room for, at however many processes. A refused one counts for nothing, so that no window is ever made longer.
 */
export async function reserveRow(
  db: Database,
  limits: RowLimits,
  what: AnonymousRow,
  ip: string,
  now: Date,
): Promise<Reservation> {
  const key = keyOf(`${what} rows`, networkOf(ip));
  const values = [key, limits[what], now, plusSeconds(now, WINDOWS[what])];
  if ((await db.query(reserveStatement, values)).length === 1)
    return { ok: true, giveBack: () => giveBackSoon(db, [key]) };
  return { ok: false, retryAfterSeconds: await secondsUntilRoom(db, [key], now) };
}
