import { type Database, purgeRows, type Statement } from '../platform/database/index.ts';
import { plusSeconds } from '../platform/time.ts';

const DAY_SECONDS = 86_400;

/** How long what has ended stays visible to an operator. */
const KEPT_SECONDS = 7 * DAY_SECONDS;

/** A network that was not logged in from for so long spares nobody any more (see the throttle). */
const FAMILIAR_NETWORK_SECONDS = 90 * DAY_SECONDS;

const statements: { statement: Statement; keptSeconds: number }[] = [
  {
    statement: {
      name: 'signin-purge-sessions',
      text: `delete from sessions_session where id in (
        select id from sessions_session where expires_at < $1::timestamptz limit $2) returning 1 as gone`,
    },
    keptSeconds: KEPT_SECONDS,
  },
  {
    statement: {
      name: 'signin-purge-throttle',
      text: `delete from signin_throttle where key_digest in (
        select key_digest from signin_throttle where expires_at < $1::timestamptz limit $2) returning 1 as gone`,
    },
    keptSeconds: 0,
  },
  {
    statement: {
      name: 'signin-purge-links',
      text: `delete from signin_one_time_token where token_digest in (
        select token_digest from signin_one_time_token where expires_at < $1::timestamptz limit $2) returning 1 as gone`,
    },
    keptSeconds: KEPT_SECONDS,
  },
  {
    statement: {
      name: 'signin-purge-networks',
      // Once more beside the list: somebody may be logging in from there at this moment.
      text: `delete from signin_familiar_network where last_success_at < $1::timestamptz and (user_id, network_digest) in (
        select user_id, network_digest from signin_familiar_network where last_success_at < $1::timestamptz limit $2) returning 1 as gone`,
    },
    keptSeconds: FAMILIAR_NETWORK_SECONDS,
  },
];

/** Deletes the rows whose time is over, in bounded batches. */
export async function purgeExpired(db: Database, now: Date): Promise<void> {
  for (const { statement, keptSeconds } of statements) await purgeRows(db, statement, plusSeconds(now, -keptSeconds));
}
