import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Database, purgeRows, type Statement } from '../platform/database/index.ts';
import { plusSeconds } from '../platform/time.ts';
import { FamiliarNetwork, OneTimeToken, SignInFlow } from './entities.ts';

const DAY_SECONDS = 86_400;

/** The time for which expired links stay visible to operators. */
const RETENTION_SECONDS = 7 * DAY_SECONDS;

/** After this time without a login a network is no longer familiar (see the throttle). */
const FAMILIAR_NETWORK_SECONDS = 90 * DAY_SECONDS;

const statements: { statement: Statement; retentionSeconds: number }[] = [
  {
    statement: {
      name: 'signin-purge-throttle',
      text: `delete from signin_throttle where key_digest in (
        select key_digest from signin_throttle where expires_at < $1::timestamptz limit $2) returning 1 as gone`,
    },
    retentionSeconds: 0,
  },
  {
    statement: {
      name: 'signin-purge-flows',
      text: `delete from signin_flow where handle_digest in (
        select handle_digest from signin_flow where expires_at < $1::timestamptz limit $2) returning 1 as gone`,
    },
    retentionSeconds: 0,
  },
  {
    statement: {
      name: 'signin-purge-links',
      text: `delete from signin_one_time_token where token_digest in (
        select token_digest from signin_one_time_token where expires_at < $1::timestamptz limit $2) returning 1 as gone`,
    },
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
