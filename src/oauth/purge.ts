import { type Database, PURGE_BATCH, PURGE_ROUNDS, purgeRows, type Statement } from '../platform/database/index.ts';
import { plusSeconds } from '../platform/time.ts';

const HOUR_SECONDS = 3600;

/** A million rows: more than arrive between two runs. */
const MAX_RUNS = 50;

const deleteExpired = (table: string) =>
  `delete from ${table} where digest in (select digest from ${table} where expires_at < $1::timestamptz limit $2) returning 1 as gone`;

const statements: { statement: Statement; retentionSeconds: number }[] = [
  // A pushed request is short-lived, and consumed by an interaction that may take half an hour.
  { statement: { name: 'oauth-purge-requests', text: deleteExpired('oauth_request') }, retentionSeconds: HOUR_SECONDS },
  // A reused code is recognized for a day, and its grant is ended (RFC 6749 §4.1.2).
  { statement: { name: 'oauth-purge-codes', text: deleteExpired('oauth_code') }, retentionSeconds: 24 * HOUR_SECONDS },
  {
    statement: { name: 'oauth-purge-devices', text: deleteExpired('oauth_device') },
    retentionSeconds: 24 * HOUR_SECONDS,
  },
  // An expired assertion is refused without its mark; the clock of another node may be behind.
  { statement: { name: 'oauth-purge-replays', text: deleteExpired('oauth_replay') }, retentionSeconds: 300 },
];

/** Deletes expired one-time rows in bounded batches. */
export async function purgeOauth(db: Database, now: Date): Promise<void> {
  for (const { statement, retentionSeconds } of statements) {
    // Every proof leaves a mark: a busy hour leaves more of them than one run deletes.
    for (let runs = 0; runs < MAX_RUNS; runs++)
      if ((await purgeRows(db, statement, plusSeconds(now, -retentionSeconds))) < PURGE_BATCH * PURGE_ROUNDS) break;
  }
}
