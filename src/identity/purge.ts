import type { Database, Statement } from '../platform/database/index.ts';
import { plusSeconds } from '../platform/time.ts';

/** Rows of one statement: short enough that nothing waits for it. */
const BATCH = 1000;

/** How long what has ended stays visible to an operator. */
const KEPT_SECONDS = 7 * 86_400;

const statements: { statement: Statement; keptSeconds: number }[] = [
  {
    statement: {
      name: 'identity-purge-sessions',
      text: 'delete from identity_session where id in (select id from identity_session where expires_at < $1::timestamptz limit $2)',
    },
    keptSeconds: KEPT_SECONDS,
  },
  {
    statement: {
      name: 'identity-purge-throttle',
      text: 'delete from identity_throttle where key_digest in (select key_digest from identity_throttle where expires_at < $1::timestamptz limit $2)',
    },
    keptSeconds: 0,
  },
  {
    statement: {
      name: 'identity-purge-links',
      text: 'delete from identity_link where token_digest in (select token_digest from identity_link where expires_at < $1::timestamptz limit $2)',
    },
    keptSeconds: KEPT_SECONDS,
  },
];

/** Deletes one bounded batch of each kind of row whose time is over; the next run takes the next. */
export async function purgeExpired(db: Database, now: Date): Promise<void> {
  for (const { statement, keptSeconds } of statements)
    await db.query(statement, [plusSeconds(now, -keptSeconds), BATCH]);
}
