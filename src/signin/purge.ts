import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Database, purgeRows, purgeStatement, type Statement } from '../platform/database/index.ts';
import { plusSeconds } from '../platform/time.ts';
import { FamiliarNetwork, OneTimeToken, SignInFlow } from './entities.ts';
import { FAMILIAR_NETWORK_SECONDS } from './throttle/throttle.ts';

/** The time for which expired links stay visible to operators. */
const RETENTION_SECONDS = 7 * 86_400;

const statements: { statement: Statement; retentionSeconds: number }[] = [
  { statement: purgeStatement('signin-purge-throttle', 'signin_throttle', 'key_digest'), retentionSeconds: 0 },
  { statement: purgeStatement('signin-purge-flows', 'signin_flow', 'handle_digest'), retentionSeconds: 0 },
  {
    statement: purgeStatement('signin-purge-links', 'signin_one_time_token', 'token_digest'),
    retentionSeconds: RETENTION_SECONDS,
  },
  {
    statement: {
      name: 'signin-purge-networks',
      // The condition is repeated outside the list: a concurrent login may update the row.
      text: `delete from signin_familiar_network where last_success_at < $1::timestamptz and (user_id, network_digest) in (
        select user_id, network_digest from signin_familiar_network where last_success_at < $1::timestamptz limit $2) returning 1 as gone`,
    },
    retentionSeconds: FAMILIAR_NETWORK_SECONDS,
  },
];

/** Deletes expired rows in bounded batches. */
export async function purgeExpired(db: Database, now: Date): Promise<void> {
  for (const { statement, retentionSeconds } of statements)
    await purgeRows(db, statement, plusSeconds(now, -retentionSeconds));
}

/** Deletes a deleted user's familiar networks and one-time tokens. */
export async function eraseSignIns(tx: SqlEntityManager, userId: string): Promise<void> {
  await tx.nativeDelete(FamiliarNetwork, { user: userId });
  await tx.nativeDelete(OneTimeToken, { user: userId });
  await tx.nativeDelete(SignInFlow, { user: userId });
}
