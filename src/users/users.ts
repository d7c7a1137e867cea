import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, difference, recordChange } from '../audit/index.ts';
import { bumpPrincipals, createPrincipal, invalidateRights, type PrincipalRef } from '../permissions/index.ts';
import { casefoldName, normalizeName } from '../platform/casefold.ts';
import { definePort } from '../platform/database/index.ts';
import { User } from './entities.ts';
import { userError } from './errors.ts';
import { checkUser, type FieldError } from './fields.ts';

export interface NewUser {
  readonly username: string;
  /** Encoded, as returned by `Passwords.hash` or `makeUnusable`. */
  readonly password: string;
  readonly email?: string;
  /** Set by operators only. */
  readonly isEmailVerified?: boolean;
  readonly firstName?: string;
  readonly lastName?: string;
  readonly isStaff?: boolean;
  readonly isSuperuser?: boolean;
}

export interface UserChange
  extends Partial<Pick<User, 'email' | 'firstName' | 'lastName' | 'isActive' | 'isStaff' | 'isSuperuser'>> {
  readonly isEmailVerified?: boolean;
}

/** Creates a user. Returns it, or the errors of its fields. A name that exists in any spelling is a field error too. */
export async function createUser(
  em: SqlEntityManager,
  audit: AuditContext,
  fields: NewUser,
): Promise<User | FieldError[]> {
  const errors = checkUser(fields);
  if (errors.length > 0) return errors;
  const usernameKey = casefoldName(fields.username);
  if ((await em.count(User, { usernameKey })) > 0) return [usernameTaken];
  const email = fields.email?.trim() ?? '';
  const isVerified = fields.isEmailVerified ?? false;
  const problem = isVerified ? await verificationProblem(em, email) : undefined;
  if (problem) return [problem];
  const user = em.create(User, {
    id: createPrincipal(em, 'user'),
    username: normalizeName(fields.username),
    usernameKey,
    email,
    emailKey: email === '' ? null : casefoldName(email),
    emailVerifiedAt: isVerified ? audit.at : null,
    firstName: fields.firstName ?? '',
    lastName: fields.lastName ?? '',
    password: fields.password,
    isStaff: fields.isStaff ?? false,
    isSuperuser: fields.isSuperuser ?? false,
    dateJoined: audit.at,
    attributes: {},
  });
  em.persist(user);
  recordChange(em, audit, { action: 'add', object: auditObject(user), after: auditSnapshot(user) });
  try {
    await em.flush();
  } catch (error) {
    // The name was taken, or the address verified, between check and write; the unique index decides.
    const taken = uniqueViolation(error);
    if (taken) return [taken];
    throw error;
  }
  return user;
}

export const usernameTaken: FieldError = { pointer: '/username', code: 'unique' };

/** The address is verified for another user. */
const addressTaken: FieldError = { pointer: '/email', code: 'unique' };

/** Returns the field error of a unique violation; undefined for any other error. */
export function uniqueViolation(error: unknown): FieldError | undefined {
  const { code, message = '' } = error as { code?: string; message?: string };
  if (code !== '23505') return undefined;
  return message.includes('users_user_verified_email') ? addressTaken : usernameTaken;
}

/** Returns why an address cannot be verified. It is verified for one user at a time, because it identifies the user at a login. */
async function verificationProblem(em: SqlEntityManager, email: string, id?: string): Promise<FieldError | undefined> {
  if (email === '') return { pointer: '/email', code: 'required' };
  const verified = { emailKey: casefoldName(email), emailVerifiedAt: { $ne: null }, deletedAt: null };
  const others = await em.count(User, id === undefined ? verified : { ...verified, id: { $ne: id } });
  return others === 0 ? undefined : addressTaken;
}

/** Port: ends the sessions of a user who may no longer sign in, in the same transaction. */
export const onUserDeactivated =
  definePort<(tx: SqlEntityManager, userId: string, at: Date) => Promise<void>>('onUserDeactivated');

/**
 * Changes a user's fields. Returns the user, or the errors of the fields. Deactivation ends every session in the same transaction. Throws
 * `user_deleted_meanwhile`.
 */
export async function updateUser(
  em: SqlEntityManager,
  audit: AuditContext,
  user: User,
  change: UserChange,
): Promise<User | FieldError[]> {
  const errors = checkUser({ username: user.username, ...change }, { existing: true });
  if (errors.length > 0) return errors;
  return em.transactional(async (tx) => {
    // Under the row lock, so that a user who is being deleted is not changed.
    const options = { refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE } as const;
    const fresh = await tx.findOne(User, { id: user.id, deletedAt: null }, options);
    if (!fresh) throw userError('user_deleted_meanwhile');
    const before = auditSnapshot(fresh);
    const { isEmailVerified, ...fields } = change;
    // Before anything is changed: what is returned does not roll back.
    const problem = isEmailVerified ? await verificationProblem(tx, change.email ?? fresh.email, fresh.id) : undefined;
    if (problem) return [problem];
    Object.assign(fresh, fields);
    if (change.email !== undefined && change.email !== before.email) {
      fresh.emailKey = change.email === '' ? null : casefoldName(change.email);
      fresh.emailVerifiedAt = null;
    }
    if (isEmailVerified !== undefined)
      fresh.emailVerifiedAt = isEmailVerified ? (fresh.emailVerifiedAt ?? audit.at) : null;
    const changed = difference(before, auditSnapshot(fresh));
    if (!changed) return fresh;
    recordChange(tx, audit, { action: 'change', object: auditObject(fresh), ...changed });
    await tx.flush();
    if (changed.after['isActive'] === false) {
      // Sessions and grants end, so no status must change before. Order of locks: principal, sessions, statuses.
      await bumpPrincipals(tx, [fresh.id]);
      await onUserDeactivated.of(tx)(tx, fresh.id, audit.at);
    } else if ('isActive' in changed.after || 'isStaff' in changed.after || 'isSuperuser' in changed.after)
      await invalidateRights(tx, [fresh.id], { kind: isLess(before, fresh) ? 'removed' : 'added', apis: null });
    return fresh;
  });
}

type Flags = Pick<User, 'isActive' | 'isStaff' | 'isSuperuser'>;

function isLess(before: Flags, after: Flags): boolean {
  return (['isActive', 'isStaff', 'isSuperuser'] as const).some((flag) => before[flag] && !after[flag]);
}

/** Returns the principal of a user. */
export function userPrincipal(user: Pick<User, 'id' | 'isActive' | 'isSuperuser'>): PrincipalRef {
  return { kind: 'user', id: user.id, isActive: user.isActive, isSuperuser: user.isSuperuser };
}

/** Returns the fields for the edit log, never the password. */
export function auditSnapshot(user: User) {
  const { username, email, firstName, lastName, isActive, isStaff, isSuperuser } = user;
  const emailVerified = Boolean(user.emailVerifiedAt);
  return { username, email, emailVerified, firstName, lastName, isActive, isStaff, isSuperuser };
}

export function auditObject(user: Pick<User, 'id' | 'username'>) {
  return { kind: 'user', id: user.id, label: user.username };
}
