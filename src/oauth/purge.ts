import { type Database, PURGE_BATCH, PURGE_ROUNDS, purgeRows, type Statement } from '../platform/database/index.ts';
import { plusSeconds } from '../platform/time.ts';

const HOUR_SECONDS = 3600;

/** A million rows: so many do not come in the time until the next. */
const MAX_RUNS = 50;

const deleteExpired = (table: string) =>
  `delete from ${table} where digest in (select digest from ${table} where expires_at < $1::timestamptz limit $2) returning 1 as gone`;

const statements: { statement: Statement; keptSeconds: number }[] = [
  // A pushed request is short-lived, and used up by an interaction that may take its half hour.
  { statement: { name: 'oauth-purge-requests', text: deleteExpired('oauth_request') }, keptSeconds: HOUR_SECONDS },
  // A code that comes again is recognised for a day, and what it gave is ended (RFC 6749 §4.1.2).
  { statement: { name: 'oauth-purge-codes', text: deleteExpired('oauth_code') }, keptSeconds: 24 * HOUR_SECONDS },
  { statement: { name: 'oauth-purge-devices', text: deleteExpired('oauth_device') }, keptSeconds: 24 * HOUR_SECONDS },
  // Expired, an assertion is refused without its mark; another node's clock may be behind.
  { statement: { name: 'oauth-purge-replays', text: deleteExpired('oauth_replay') }, keptSeconds: 300 },
];

/** Forgets what was good once and for a while, in bounded batches. */
export async function purgeOauth(db: Database, now: Date): Promise<void> {
  for (const { statement, keptSeconds } of statements) {
    // A mark for every proof: in a busy hour there are more than one run's worth.
    for (let runs = 0; runs < MAX_RUNS; runs++)
      if ((await purgeRows(db, statement, plusSeconds(now, -keptSeconds))) < PURGE_BATCH * PURGE_ROUNDS) break;
  }
}
