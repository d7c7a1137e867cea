import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, difference, recordChange } from '../audit/index.ts';
import { bumpPrincipals, createPrincipal, invalidateRights, type PrincipalRef } from '../permissions/index.ts';
import { casefoldName, normalizeName } from '../platform/casefold.ts';
import { definePort } from '../platform/database/index.ts';
import { Failure } from '../platform/errors.ts';
import { User } from './entities.ts';
import { checkUser, type FieldError } from './fields.ts';

export interface NewUser {
  readonly username: string;
  /** Encoded, as `Passwords.hash` or `makeUnusable` makes it. */
  readonly password: string;
  readonly email?: string;
  /** Only an operator says so. */
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

/** What the fields are refused for, or the user. A name that somebody has in any spelling is refused like a malformed one. */
export async function createUser(
  em: SqlEntityManager,
  audit: AuditContext,
  given: NewUser,
): Promise<User | FieldError[]> {
  const errors = checkUser(given);
  if (errors.length > 0) return errors;
  const usernameKey = casefoldName(given.username);
  if ((await em.count(User, { usernameKey })) > 0) return [usernameTaken];
  const email = given.email?.trim() ?? '';
  const isVerified = given.isEmailVerified ?? false;
  const obstacle = isVerified ? await verificationProblem(em, email) : undefined;
  if (obstacle) return [obstacle];
  const user = em.create(User, {
    id: createPrincipal(em, 'user'),
    username: normalizeName(given.username),
    usernameKey,
    email,
    emailKey: email === '' ? null : casefoldName(email),
    emailVerifiedAt: isVerified ? audit.at : null,
    firstName: given.firstName ?? '',
    lastName: given.lastName ?? '',
    password: given.password,
    isStaff: given.isStaff ?? false,
    isSuperuser: given.isSuperuser ?? false,
    dateJoined: audit.at,
    attributes: {},
  });
  em.persist(user);
  recordChange(em, audit, { action: 'add', object: auditObject(user), after: auditSnapshot(user) });
  try {
    await em.flush();
  } catch (error) {
    // Somebody took the name, or proved the address, between the look and the write; the index decides.
    const taken = uniqueViolation(error);
    if (taken) return [taken];
    throw error;
  }
  return user;
}

export const usernameTaken: FieldError = {
  pointer: '/username',
  code: 'unique',
  detail: 'A user with that username already exists.',
};

const addressTaken: FieldError = {
  pointer: '/email',
  code: 'unique',
  detail: 'This e-mail address is verified for another user.',
};

/** What a write met that somebody else has; undefined for any other fault. */
export function uniqueViolation(error: unknown): FieldError | undefined {
  const { code, message = '' } = error as { code?: string; message?: string };
  if (code !== '23505') return undefined;
  return message.includes('users_user_verified_email') ? addressTaken : usernameTaken;
}

/** An address is verified for one user at a time: a login by it means that one. */
async function verificationProblem(em: SqlEntityManager, email: string, id?: string): Promise<FieldError | undefined> {
  if (email === '')
    return { pointer: '/email', code: 'required', detail: 'There is no e-mail address that could be verified.' };
  const verified = { emailKey: casefoldName(email), emailVerifiedAt: { $ne: null }, deletedAt: null };
  const others = await em.count(User, id === undefined ? verified : { ...verified, id: { $ne: id } });
  return others === 0 ? undefined : addressTaken;
}

/** Port: a user may no longer sign in. What the user has ends, in the same transaction. */
export const onUserDeactivated =
  definePort<(tx: SqlEntityManager, userId: string, at: Date) => Promise<void>>('onUserDeactivated');

/** Changes a user's fields. Deactivation ends every session in the same transaction. */
export async function updateUser(
  em: SqlEntityManager,
  audit: AuditContext,
  user: User,
  change: UserChange,
): Promise<User> {
  const errors = checkUser({ username: user.username, ...change }, { existing: true });
  if (errors[0]) throw new Failure('usage', errors.map((one) => one.detail).join(' '));
  return em.transactional(async (tx) => {
    // Under the row's lock, so that nothing is written to a user who is being deleted.
    const options = { refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE } as const;
    const fresh = await tx.findOne(User, { id: user.id, deletedAt: null }, options);
    if (!fresh) throw new Failure('notFound', 'Somebody else deleted this user meanwhile.');
    const before = auditSnapshot(fresh);
    const { isEmailVerified, ...fields } = change;
    Object.assign(fresh, fields);
    if (change.email !== undefined && change.email !== before.email) {
      fresh.emailKey = change.email === '' ? null : casefoldName(change.email);
      fresh.emailVerifiedAt = null;
    }
    if (isEmailVerified !== undefined) await setVerified(tx, fresh, isEmailVerified, audit.at);
    const changed = difference(before, auditSnapshot(fresh));
    if (!changed) return fresh;
    recordChange(tx, audit, { action: 'change', object: auditObject(fresh), ...changed });
    await tx.flush();
    if (changed.after['isActive'] === false) {
      // Everything that the user has ends, so no status has to move before; the locks go principal, sessions, statuses.
      await bumpPrincipals(tx, [fresh.id]);
      await onUserDeactivated.of(tx)(tx, fresh.id, audit.at);
    } else if ('isActive' in changed.after || 'isStaff' in changed.after || 'isSuperuser' in changed.after)
      await invalidateRights(tx, [fresh.id], { kind: isLess(before, fresh) ? 'removed' : 'added', apis: null });
    return fresh;
  });
}

async function setVerified(tx: SqlEntityManager, user: User, isVerified: boolean, at: Date): Promise<void> {
  const obstacle = isVerified ? await verificationProblem(tx, user.email, user.id) : undefined;
  if (obstacle) throw new Failure(obstacle.code === 'unique' ? 'conflict' : 'usage', obstacle.detail);
  user.emailVerifiedAt = isVerified ? (user.emailVerifiedAt ?? at) : null;
}

type Flags = Pick<User, 'isActive' | 'isStaff' | 'isSuperuser'>;

function isLess(before: Flags, after: Flags): boolean {
  return (['isActive', 'isStaff', 'isSuperuser'] as const).some((flag) => before[flag] && !after[flag]);
}

/** The user as `access` knows one. */
export function userPrincipal(user: Pick<User, 'id' | 'isActive' | 'isSuperuser'>): PrincipalRef {
  return { kind: 'user', id: user.id, isActive: user.isActive, isSuperuser: user.isSuperuser };
}

/** The fields that the edit log shows; never the password. */
export function auditSnapshot(user: User) {
  const { username, email, firstName, lastName, isActive, isStaff, isSuperuser } = user;
  const emailVerified = Boolean(user.emailVerifiedAt);
  return { username, email, emailVerified, firstName, lastName, isActive, isStaff, isSuperuser };
}

export function auditObject(user: Pick<User, 'id' | 'username'>) {
  return { kind: 'user', id: user.id, label: user.username };
}
