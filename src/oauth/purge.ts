import {
  type Database,
  PURGE_BATCH,
  PURGE_ROUNDS,
  purgeRows,
  purgeStatement,
  type Statement,
} from '../platform/database/index.ts';
import { plusSeconds } from '../platform/time.ts';

const HOUR_SECONDS = 3600;

/** A million rows: more than arrive between two runs. */
const MAX_RUNS = 50;

const statements: { statement: Statement; retentionSeconds: number }[] = [
  // A pushed request is short-lived, and consumed by an interaction that may take half an hour.
  { statement: purgeStatement('oauth-purge-requests', 'oauth_request', 'digest'), retentionSeconds: HOUR_SECONDS },
  // A reused code is recognized for a day, and its grant is ended (RFC 6749 §4.1.2).
  { statement: purgeStatement('oauth-purge-codes', 'oauth_code', 'digest'), retentionSeconds: 24 * HOUR_SECONDS },
  { statement: purgeStatement('oauth-purge-devices', 'oauth_device', 'digest'), retentionSeconds: 24 * HOUR_SECONDS },
  // An expired assertion is refused without its mark; the clock of another node may be behind.
  { statement: purgeStatement('oauth-purge-replays', 'oauth_replay', 'digest'), retentionSeconds: 300 },
];

/** Deletes expired one-time rows in bounded batches. */
export async function purgeOauth(db: Database, now: Date): Promise<void> {
  for (const { statement, retentionSeconds } of statements) {
    // Every proof leaves a mark: a busy hour leaves more of them than one run deletes.
    for (let runs = 0; runs < MAX_RUNS; runs++)
      if ((await purgeRows(db, statement, plusSeconds(now, -retentionSeconds))) < PURGE_BATCH * PURGE_ROUNDS) break;
  }
}
