import { LockMode, raw } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChange, recordEvent } from '../audit/index.ts';
import { validatePassword } from '../passwords/index.ts';
import type { Database } from '../platform/database/index.ts';
import { createSession, endSessions, Session, type SessionLife } from '../sessions/index.ts';
import { auditObject, checkUser, type FieldError, User, type UserFields } from '../users/index.ts';
import type { ClientInfo } from './login.ts';

/** Returns why a password may not be set, as field errors; empty if it may. */
export async function checkPassword(
  password: string,
  minLength: number,
  user: Partial<UserFields>,
  pointer = '/password',
): Promise<FieldError[]> {
  const failures = await validatePassword(password, { minLength, user });
  return failures.map(({ code, detail }) => ({ pointer, code, detail }));
}

/** Returns the field errors of a new user. The password is compared with the other fields only if those are valid. */
export async function checkNewUser(fields: UserFields, password: string, minLength: number): Promise<FieldError[]> {
  const errors = checkUser(fields);
  return [...errors, ...(await checkPassword(password, minLength, errors.length > 0 ? {} : fields))];
}

/**
 * Stores a new hash in the caller's transaction, increments the epoch and ends every session. Returns false if the user was deleted, or if
 * the epoch is not `expectedEpoch`, because the password was changed concurrently. Pass null to set the password at any epoch.
 */
export async function setPassword(
  tx: SqlEntityManager,
  audit: AuditContext,
  user: Pick<User, 'id' | 'username'>,
  encoded: string,
  expectedEpoch: number | null,
): Promise<boolean> {
  const notDeleted = { id: user.id, deletedAt: null };
  const where = expectedEpoch === null ? notDeleted : { ...notDeleted, isActive: true, passwordEpoch: expectedEpoch };
  const change = { password: encoded, passwordEpoch: raw('password_epoch + 1') };
  if ((await tx.nativeUpdate(User, where, change)) === 0) return false;
  await endSessions(tx, audit.at, { user: user.id }, 'password_changed');
  recordChange(tx, audit, { action: 'change', object: auditObject(user), after: { password: 'changed' } });
  recordEvent(tx, audit.at, { kind: 'password_changed', userId: user.id });
  await tx.flush();
  return true;
}

/** Nothing was changed, because the session ended or the password was changed while the new hash was computed. */
export type ChangeConflict = { readonly conflict: 'session' | 'password' };

/** A change of a user's own password. */
export interface PasswordChange {
  readonly user: { readonly id: string; readonly username: string };
  /** The new hash. */
  readonly encoded: string;
  /** The epoch at which the old password was verified. */
  readonly fromEpoch: number;
  readonly session: { readonly id: string; readonly authTime: Date; readonly amr: readonly string[] };
  readonly life: SessionLife;
  readonly client: ClientInfo;
}

/** Changes a user's own password. The session continues with a new id and secret; all other sessions end. */
export async function changeOwnPassword(
  db: Database,
  audit: AuditContext,
  { user, encoded, fromEpoch, session, life, client }: PasswordChange,
): Promise<{ session: Session; token: string } | ChangeConflict> {
  return db.fork().transactional(async (tx) => {
    // The user's row before the session's, in the order of every transaction that locks both.
    await tx.findOne(User, { id: user.id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    // A session that ended while the hash was computed changes nothing and is not revived.
    const where = { id: session.id, user: user.id, endedAt: null };
    const live = await tx.findOne(Session, where, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (!live) return { conflict: 'session' };
    if (!(await setPassword(tx, audit, user, encoded, fromEpoch))) return { conflict: 'password' };
    const fields = {
      user: user.id,
      passwordEpoch: fromEpoch + 1,
      authTime: session.authTime,
      amr: [...session.amr],
      ip: client.ip,
      userAgent: client.userAgent,
    };
    const created = createSession(tx, fields, life, audit.at);
    await tx.flush();
    return created;
  });
}
