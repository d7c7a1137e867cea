import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Database, Statement } from '../platform/database/index.ts';
import { deriveKey, digest, newSecret } from '../platform/digest.ts';
import { plusSeconds } from '../platform/time.ts';
import { liveSession, Session } from '../sessions/index.ts';

/** How long a form that its browser sends again is the same answer as before: a double click, a reload of what did not come. */
export const REPEAT_SECONDS = 10;

/** Names the forms of this server; without it and the browser's own secret a name says nothing of what was typed. */
export function deriveFormKey(masterKey: Buffer): KeyObject {
  return createSecretKey(deriveKey(masterKey, 'sign-in form'));
}

/** What a sign-in form says, and where it came from. */
export interface SignInForm {
  /** The secret of the browser. */
  readonly browser: string;
  readonly username: string;
  readonly password: string;
  readonly next: string;
}

/** The name of a form: the same for the very same form of the very same browser, and for nothing else. */
export function formDigest(key: KeyObject, { browser, username, password, next }: SignInForm): Buffer {
  return createHmac('sha256', key)
    .update(JSON.stringify([browser, username, password, next]))
    .digest();
}

/** $1 form, $2 now, $3 since, $4 the session that was presented, $5 a new digest. */
const repeat: Statement = {
  name: 'sessions-repeat',
  text: `with twin as materialized (
      select s.id, s.token_digest = $4::bytea as is_here from sessions_session s join users_user u on u.id = s.user_id
      where s.form_digest = $1::bytea and s.created_at > $3::timestamptz and ${liveSession}
        and not exists (select from sessions_session o where o.token_digest = $4::bytea and o.ended_at is null and o.id <> s.id)
      order by s.created_at desc limit 1 for update of s
    ), moved as (
      update sessions_session s set token_digest = $5::bytea from twin t where s.id = t.id and t.is_here is not true returning 1
    ) select t.is_here is true as is_here from twin t`,
};

/**
 * The session that the same form has made a moment ago. `token`: its new secret, because the answer with the first one may never have
 * come; null: the browser has it already. Null: there is no such session, or the browser has another one, which a login ends.
 */
export async function repeatSignIn(
  db: Database,
  form: Buffer,
  presented: string | null,
  now: Date,
): Promise<{ readonly token: string | null } | null> {
  const token = newSecret();
  const here = presented === null ? null : digest(presented);
  const values = [form, now, plusSeconds(now, -REPEAT_SECONDS), here, digest(token)];
  const [row] = await db.query<{ is_here: boolean }>(repeat, values);
  return row ? { token: row.is_here ? null : token } : null;
}

/**
 * The same in the transaction of a login, whose user is locked and as they were verified: of two that verified one form at once, on two
 * processes, the second takes over the session of the first.
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
