import { type Database, purgeRows, purgeStatement } from '../platform/database/index.ts';
import { plusSeconds } from '../platform/time.ts';

/**
 * How far the clocks of two nodes may differ: one node must not accept a token whose revocation the other has deleted.
 */
const RETENTION_SECONDS = 300;

const purgeRevoked = purgeStatement('tokens-purge-revoked', 'tokens_revoked', 'jti');
const purgeStatuses = purgeStatement('tokens-purge-status', 'tokens_status', 'list, idx');

/**
 * An ended grant is kept as long as its session may last: its client is notified when the session ends (OIDC
 * Back-Channel Logout §2.3).
 */
const GRANT_RETENTION_SECONDS = 31 * 86_400;

const purgeGrants = purgeStatement(
  'tokens-purge-grants',
  'tokens_grant',
  'id',
  'expires_at < $1::timestamptz or ended_at < $1::timestamptz',
);

/**
 * Deletes expired rows in bounded batches: revoked tokens, status indexes, which are free again, and refresh grants
 * that ended a month ago.
 */
export async function purgeTokens(db: Database, now: Date): Promise<void> {
  await purgeRows(db, purgeRevoked, plusSeconds(now, -RETENTION_SECONDS));
  await purgeRows(db, purgeStatuses, plusSeconds(now, -RETENTION_SECONDS));
  await purgeRows(db, purgeGrants, plusSeconds(now, -GRANT_RETENTION_SECONDS));
}
