import { type Database, purgeRows, type Statement } from '../platform/database/index.ts';
import { plusSeconds } from '../platform/time.ts';

const DAY_SECONDS = 86_400;

/** How long what has ended stays visible to an operator. */
const KEPT_SECONDS = 7 * DAY_SECONDS;

/** A network that was not logged in from for so long spares nobody any more (see the throttle). */
const KNOWN_NETWORK_SECONDS = 90 * DAY_SECONDS;

const statements: { statement: Statement; keptSeconds: number }[] = [
  {
    statement: {
      name: 'identity-purge-sessions',
      text: `delete from identity_session where id in (
        select id from identity_session where expires_at < $1::timestamptz limit $2) returning 1 as gone`,
    },
    keptSeconds: KEPT_SECONDS,
  },
  {
    statement: {
      name: 'identity-purge-throttle',
      text: `delete from identity_throttle where key_digest in (
        select key_digest from identity_throttle where expires_at < $1::timestamptz limit $2) returning 1 as gone`,
    },
    keptSeconds: 0,
  },
  {
    statement: {
      name: 'identity-purge-links',
      text: `delete from identity_link where token_digest in (
        select token_digest from identity_link where expires_at < $1::timestamptz limit $2) returning 1 as gone`,
    },
    keptSeconds: KEPT_SECONDS,
  },
  {
    statement: {
      name: 'identity-purge-networks',
      // Once more beside the list: somebody may be logging in from there at this moment.
      text: `delete from identity_known_network where last_success_at < $1::timestamptz and (user_id, network_digest) in (
        select user_id, network_digest from identity_known_network where last_success_at < $1::timestamptz limit $2) returning 1 as gone`,
    },
    keptSeconds: KNOWN_NETWORK_SECONDS,
  },
];

/** Deletes the rows whose time is over, in bounded batches. */
export async function purgeExpired(db: Database, now: Date): Promise<void> {
  for (const { statement, keptSeconds } of statements) await purgeRows(db, statement, plusSeconds(now, -keptSeconds));
}
