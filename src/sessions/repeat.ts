import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Database, Statement } from '../platform/database/index.ts';
import { digest, newSecret } from '../platform/digest.ts';
import { plusSeconds } from '../platform/time.ts';
import { userView } from '../users/index.ts';
import { Session } from './entities.ts';
import { liveSession, sessionNotEnded } from './views.ts';

/** The time in which a repeated form gets the same result: after a double click, or a reload of a lost response. */
export const REPEAT_SECONDS = 10;

/** $1 form digest, $2 now, $3 earliest creation, $4 token digest of the request's session, $5 new token digest. */
const repeat: Statement = {
  name: 'sessions-repeat',
  text: `with repeated as materialized (
      select s.id, s.token_digest = $4::bytea as is_here from sessions_session s join ${userView('u')} on u.id = s.user_id
      where s.form_digest = $1::bytea and s.created_at > $3::timestamptz and ${liveSession('$2::timestamptz')}
        and not exists (select from sessions_session o where o.token_digest = $4::bytea and ${sessionNotEnded('o')} and o.id <> s.id)
      order by s.created_at desc limit 1 for update of s
    ), updated as (
      update sessions_session s set token_digest = $5::bytea from repeated r where s.id = r.id and r.is_here is not true returning 1
    ) select r.is_here is true as is_here from repeated r`,
};

/**
 * Finds the session that the same form created a moment ago. `token` is its new secret, because the response with the first one may be
 * lost; it is null if the browser already has the session. Returns null if there is no such session, or if the browser has another one,
 * which a login ends.
 */
export async function repeatSession(
  db: Database,
  form: Buffer,
  sessionToken: string | null,
  now: Date,
): Promise<{ readonly token: string | null } | null> {
  const token = newSecret();
  const current = sessionToken === null ? null : digest(sessionToken);
  const values = [form, now, plusSeconds(now, -REPEAT_SECONDS), current, digest(token)];
  const [row] = await db.query<{ is_here: boolean }>(repeat, values);
  return row ? { token: row.is_here ? null : token } : null;
}

/**
 * The same in the transaction of a login, which has locked the user: if two processes verified one form concurrently, the second takes over
 * the session of the first.
 */
export async function takeOverSession(
  tx: SqlEntityManager,
  user: string,
  form: Buffer,
  now: Date,
): Promise<{ session: Session; token: string } | null> {
  const where = { user, formDigest: form, endedAt: null, createdAt: { $gt: plusSeconds(now, -REPEAT_SECONDS) } };
  const session = await tx.findOne(Session, where, { lockMode: LockMode.PESSIMISTIC_WRITE });
  if (!session) return null;
  const token = newSecret();
  session.tokenDigest = digest(token);
  await tx.flush();
  return { session, token };
}
