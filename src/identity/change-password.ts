import { raw } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { recordChange, recordEvent, type Stamp } from '../audit/index.ts';
import type { Database } from '../platform/database/index.ts';
import { User } from './entities.ts';
import type { FieldError } from './fields.ts';
import type { Browser } from './login.ts';
import { validatePassword } from './passwords/validators/validate.ts';
import { endSessions } from './sessions/end.ts';
import { createSession, type SessionLife } from './sessions/open.ts';
import { objectOf } from './users.ts';

/** Why this password may not be set, as field errors; empty when it may. */
export async function checkPassword(
  password: string,
  minLength: number,
  user: { username?: string; email?: string; firstName?: string; lastName?: string },
  pointer = '/password',
): Promise<FieldError[]> {
  const failures = await validatePassword(password, { minLength, user });
  return failures.map(({ code, detail }) => ({ pointer, code, detail }));
}

/**
 * Sets a new hash in the caller's transaction: the epoch grows, every session ends. False when the stored password is not
 * `expected` any more (somebody else changed it meanwhile); pass null to set it whatever it is.
 */
export async function setPassword(
  tx: SqlEntityManager,
  stamp: Stamp,
  user: Pick<User, 'id' | 'username'>,
  encoded: string,
  expected: string | null,
): Promise<boolean> {
  const where = expected === null ? { id: user.id } : { id: user.id, password: expected };
  const change = { password: encoded, passwordEpoch: raw('password_epoch + 1') };
  if ((await tx.nativeUpdate(User, where, change)) === 0) return false;
  await endSessions(tx, stamp.at, { user: user.id }, 'password_changed');
  recordChange(tx, stamp, { action: 'change', object: objectOf(user), after: { password: 'changed' } });
  recordEvent(tx, stamp.at, { kind: 'password_changed', userId: user.id });
  await tx.flush();
  return true;
}

/** The user's own change: the session goes on under a new id and secret, every other one ends. Null when it lost a race. */
export async function changeOwnPassword(
  db: Database,
  stamp: Stamp,
  user: { id: string; username: string },
  encoded: { from: string; to: string },
  session: { authTime: Date; amr: readonly string[] },
  life: SessionLife,
  browser: Browser,
): Promise<{ token: string; sid: string } | null> {
  return db.fork().transactional(async (tx) => {
    if (!(await setPassword(tx, stamp, user, encoded.to, encoded.from))) return null;
    const fresh = await tx.findOneOrFail(User, user.id, { refresh: true });
    const given = {
      user: user.id,
      passwordEpoch: fresh.passwordEpoch,
      authTime: session.authTime,
      amr: [...session.amr],
      ip: browser.ip,
      userAgent: browser.userAgent,
    };
    const opened = createSession(tx, given, life, stamp.at);
    await tx.flush();
    return { token: opened.token, sid: opened.session.id };
  });
}
