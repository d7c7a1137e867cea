import { type Database, purgeRows, type Statement } from '../platform/database/index.ts';
import { plusSeconds } from '../platform/time.ts';

/**
 * How far the clocks of two nodes may differ: one node must not accept a token whose revocation the other has deleted.
 */
const RETENTION_SECONDS = 300;

const purgeRevoked: Statement = {
  name: 'tokens-purge-revoked',
  text: `delete from tokens_revoked where jti in (
    select jti from tokens_revoked where expires_at < $1::timestamptz limit $2) returning 1 as gone`,
};

const purgeStatuses: Statement = {
  name: 'tokens-purge-status',
  text: `delete from tokens_status where (list, idx) in (
    select list, idx from tokens_status where expires_at < $1::timestamptz limit $2) returning 1 as gone`,
};

/**
 * An ended grant is kept as long as its session may last: its client is notified when the session ends (OIDC
 * Back-Channel Logout §2.3).
 */
const GRANT_RETENTION_SECONDS = 31 * 86_400;

const purgeGrants: Statement = {
  name: 'tokens-purge-grants',
  text: `delete from tokens_grant where id in (
    select id from tokens_grant where expires_at < $1::timestamptz or ended_at < $1::timestamptz limit $2)
    returning 1 as gone`,
};

/**
 * Deletes expired rows in bounded batches: revoked tokens, status indexes, which are free again, and refresh grants
 * that ended a month ago.
 */
export async function purgeTokens(db: Database, now: Date): Promise<void> {
  await purgeRows(db, purgeRevoked, plusSeconds(now, -RETENTION_SECONDS));
  await purgeRows(db, purgeStatuses, plusSeconds(now, -RETENTION_SECONDS));
  await purgeRows(db, purgeGrants, plusSeconds(now, -GRANT_RETENTION_SECONDS));
}
