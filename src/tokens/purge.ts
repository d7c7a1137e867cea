import { type Database, purgeRows, type Statement } from '../platform/database/index.ts';
import { plusSeconds } from '../platform/time.ts';

/** How far the clocks of two nodes may be apart before one still takes a token whose mark the other has dropped. */
const KEPT_SECONDS = 300;

const statement: Statement = {
  name: 'tokens-purge-revoked',
  text: `delete from tokens_revoked where jti in (
    select jti from tokens_revoked where expires_at < $1::timestamptz limit $2) returning 1 as gone`,
};

/** Forgets revoked tokens that have expired, in bounded batches: what has expired needs no mark. */
export async function purgeRevoked(db: Database, now: Date): Promise<void> {
  await purgeRows(db, statement, plusSeconds(now, -KEPT_SECONDS));
}
