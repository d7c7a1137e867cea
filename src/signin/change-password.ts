import { LockMode, raw } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChange, recordEvent } from '../audit/index.ts';
import { validatePassword } from '../passwords/index.ts';
import type { Database } from '../platform/database/index.ts';
import { createSession, endSessions, Session, type SessionLife } from '../sessions/index.ts';
import { auditObject, checkUser, type FieldError, User } from '../users/index.ts';
import type { ClientInfo } from './login.ts';

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

/** Why nobody can be created of this. The password is compared with the fields only where they can be a user's. */
export async function checkNewUser(
  fields: { username: string; email?: string; firstName?: string; lastName?: string },
  password: string,
  minLength: number,
): Promise<FieldError[]> {
  const errors = checkUser(fields);
  return [...errors, ...(await checkPassword(password, minLength, errors.length > 0 ? {} : fields))];
}

/**
 * Sets a new hash in the caller's transaction: the epoch grows, every session ends. False when the password is of another
 * epoch by now (somebody changed it meanwhile), or the user is no more; pass null to set it whatever it is.
 */
export async function setPassword(
  tx: SqlEntityManager,
  audit: AuditContext,
  user: Pick<User, 'id' | 'username'>,
  encoded: string,
  expectedEpoch: number | null,
): Promise<boolean> {
  const isThere = { id: user.id, deletedAt: null };
  const where = expectedEpoch === null ? isThere : { ...isThere, isActive: true, passwordEpoch: expectedEpoch };
  const change = { password: encoded, passwordEpoch: raw('password_epoch + 1') };
  if ((await tx.nativeUpdate(User, where, change)) === 0) return false;
  await endSessions(tx, audit.at, { user: user.id }, 'password_changed');
  recordChange(tx, audit, { action: 'change', object: auditObject(user), after: { password: 'changed' } });
  recordEvent(tx, audit.at, { kind: 'password_changed', userId: user.id });
  await tx.flush();
  return true;
}

/** What was over by the time the new hash was made: nothing was changed. */
export type ChangeConflict = { readonly lost: 'session' | 'password' };

/** The user's own change: the session goes on under a new id and secret, every other one ends. */
export async function changeOwnPassword(
  db: Database,
  audit: AuditContext,
  user: { id: string; username: string },
  encoded: { fromEpoch: number; to: string },
  session: { id: string; authTime: Date; amr: readonly string[] },
  life: SessionLife,
  browser: ClientInfo,
): Promise<{ session: Session; token: string } | ChangeConflict> {
  return db.fork().transactional(async (tx) => {
    // The user's row before the session's, as everybody who locks both.
    await tx.findOne(User, { id: user.id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    // A session that ended while the hashes were made changes nothing and is not brought back.
    const where = { id: session.id, user: user.id, endedAt: null };
    const live = await tx.findOne(Session, where, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (!live) return { lost: 'session' };
    if (!(await setPassword(tx, audit, user, encoded.to, encoded.fromEpoch))) return { lost: 'password' };
    const given = {
      user: user.id,
      passwordEpoch: encoded.fromEpoch + 1,
      authTime: session.authTime,
      amr: [...session.amr],
      ip: browser.ip,
      userAgent: browser.userAgent,
    };
    const opened = createSession(tx, given, life, audit.at);
    await tx.flush();
    return opened;
  });
}
