import { type AnonymousRow, type RowLimits, reserveRow } from '../identity/index.ts';
import type { Database } from '../platform/database/index.ts';
import { OAuthError } from '../platform/http/index.ts';

/** Where something is stored for whoever asks. */
export interface OpenToAnybody {
  readonly db: Database;
  readonly rowLimits: RowLimits;
}

/**
 * To be asked right before a row is written for somebody who is nobody yet: whether their network may have another one. OAuthError:
 * 429 and when to come again (RFC 9126 §2.3). Not `slow_down`, which says that a device code waits (RFC 8628 §3.5).
 */
export async function demandRoom(
  { db, rowLimits }: OpenToAnybody,
  what: Exclude<AnonymousRow, 'signup'>,
  ip: string,
  now: Date,
): Promise<void> {
  const reserved = await reserveRow(db, rowLimits, what, ip, now);
  if (reserved.ok) return;
  const { retryAfterSeconds: seconds } = reserved;
  const description = `Too many requests from this network. Try again in ${seconds} seconds.`;
  const headers = { 'retry-after': String(seconds) };
  throw new OAuthError('temporarily_unavailable', description, { status: 429, headers });
}
