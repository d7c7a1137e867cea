import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { createPrincipal, type Holder, principalsChanged, rightsChanged } from '../access/index.ts';
import { difference, recordChange, type Stamp } from '../audit/index.ts';
import { Failure } from '../platform/failure.ts';
import { foldName, isNameSized, normalizeName } from '../platform/fold.ts';
import { readId } from '../platform/id.ts';
import { suggest } from '../platform/suggest.ts';
import { User } from './entities.ts';
import { checkUser, type FieldError } from './fields.ts';
import { endSessions } from './sessions/end.ts';

export interface NewUser {
  readonly username: string;
  /** Encoded, as `Passwords.hash` or `makeUnusable` makes it. */
  readonly password: string;
  readonly email?: string;
  readonly firstName?: string;
  readonly lastName?: string;
  readonly isStaff?: boolean;
  readonly isSuperuser?: boolean;
}

export type UserChange = Partial<
  Pick<User, 'email' | 'firstName' | 'lastName' | 'isActive' | 'isStaff' | 'isSuperuser'>
>;

/** What the fields are refused for, or the user. A name that somebody has in any spelling is refused like a malformed one. */
export async function createUser(em: SqlEntityManager, stamp: Stamp, given: NewUser): Promise<User | FieldError[]> {
  const errors = checkUser(given);
  if (errors.length > 0) return errors;
  const usernameKey = foldName(given.username);
  if ((await em.count(User, { usernameKey })) > 0) return [usernameTaken];
  const email = given.email?.trim() ?? '';
  const user = em.create(User, {
    id: createPrincipal(em, 'user'),
    username: normalizeName(given.username),
    usernameKey,
    email,
    emailKey: email === '' ? null : foldName(email),
    firstName: given.firstName ?? '',
    lastName: given.lastName ?? '',
    password: given.password,
    isStaff: given.isStaff ?? false,
    isSuperuser: given.isSuperuser ?? false,
    dateJoined: stamp.at,
    attributes: {},
  });
  em.persist(user);
  recordChange(em, stamp, { action: 'add', object: objectOf(user), after: pictureOf(user) });
  try {
    await em.flush();
  } catch (error) {
    // Somebody took the name between the look and the write; the index decides.
    if ((error as { code?: string }).code === '23505') return [usernameTaken];
    throw error;
  }
  return user;
}

const usernameTaken: FieldError = {
  pointer: '/username',
  code: 'unique',
  detail: 'A user with that username already exists.',
};

/** Changes a user's fields. Deactivation ends every session in the same transaction. */
export async function updateUser(em: SqlEntityManager, stamp: Stamp, user: User, change: UserChange): Promise<User> {
  const errors = checkUser({ username: user.username, ...change }, { existing: true });
  if (errors[0]) throw new Failure('usage', errors.map((one) => one.detail).join(' '));
  return em.transactional(async (tx) => {
    // Under the row's lock, so that nothing is written to a user who is being deleted.
    const options = { refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE } as const;
    const fresh = await tx.findOne(User, { id: user.id, deletedAt: null }, options);
    if (!fresh) throw new Failure('notFound', 'Somebody else deleted this user meanwhile.');
    const before = pictureOf(fresh);
    Object.assign(fresh, change);
    if (change.email !== undefined && change.email !== before.email) {
      fresh.emailKey = change.email === '' ? null : foldName(change.email);
      fresh.emailVerifiedAt = null;
    }
    const changed = difference(before, pictureOf(fresh));
    if (!changed) return fresh;
    recordChange(tx, stamp, { action: 'change', object: objectOf(fresh), ...changed });
    await tx.flush();
    if (changed.after['isActive'] === false) {
      // Everything that the user has ends, so no status has to move before; the locks go principal, sessions, statuses.
      await principalsChanged(tx, [fresh.id]);
      await endSessions(tx, stamp.at, { user: fresh.id }, 'deactivated');
    } else if ('isActive' in changed.after || 'isStaff' in changed.after || 'isSuperuser' in changed.after)
      await rightsChanged(tx, [fresh.id], { kind: isLess(before, fresh) ? 'removed' : 'added', apis: null });
    return fresh;
  });
}

type Flags = Pick<User, 'isActive' | 'isStaff' | 'isSuperuser'>;

function isLess(before: Flags, after: Flags): boolean {
  return (['isActive', 'isStaff', 'isSuperuser'] as const).some((flag) => before[flag] && !after[flag]);
}

/** Who is meant: by the username, which never looks like an id, or by the id. */
export type UserRef = string | { readonly id: string };

export async function findUser(em: SqlEntityManager, username: string): Promise<User | null> {
  if (!isNameSized(username)) return null;
  return em.findOne(User, { usernameKey: foldName(username), deletedAt: null });
}

/**
 * As `findUser`, for whoever is about to give the user something in this transaction: until its end the user is not deleted.
 * Not for a change of the user itself, which takes the stronger lock: two that hold this one would wait for each other.
 */
export async function holdUser(tx: SqlEntityManager, who: UserRef): Promise<User> {
  const { id } = await getUser(tx, who);
  const options = { refresh: true, lockMode: LockMode.PESSIMISTIC_READ } as const;
  return (await tx.findOne(User, { id, deletedAt: null }, options)) ?? getUser(tx, who);
}

/** As `findUser`, failing with the nearest name. An id is never taken for a name, nor a name for an id. */
export async function getUser(em: SqlEntityManager, who: UserRef): Promise<User> {
  if (typeof who !== 'string') return getUserById(em, who.id);
  if (readId(who) !== null)
    throw new Failure('notFound', `"${who}" is an id, not a username. Name the user by it: --user-id ${who}`);
  const user = await findUser(em, who);
  if (user) return user;
  return noUser(em, who);
}

async function getUserById(em: SqlEntityManager, text: string): Promise<User> {
  const id = readId(text);
  if (id === null) throw new Failure('usage', `--user-id takes the id of a user (a UUID), not "${text}".`);
  const user = await em.findOne(User, { id, deletedAt: null });
  if (user) return user;
  throw new Failure(
    'notFound',
    `There is no user of the id ${id}. List users with their ids: npx signet user list --json`,
  );
}

async function noUser(em: SqlEntityManager, username: string): Promise<never> {
  const names = await em.find(User, { deletedAt: null }, { fields: ['username'], limit: 10_000 });
  const near = suggest(
    username,
    names.map((one) => one.username),
  );
  throw new Failure(
    'notFound',
    `There is no user "${username}". ${near ? `Did you mean "${near}"?` : 'List them with: npx signet user list'}`,
  );
}

/** Users by name, a page at a time: those whose folded name comes after `after`. */
export function listUsers(em: SqlEntityManager, page: { after?: string; limit?: number } = {}): Promise<User[]> {
  const where = page.after === undefined ? {} : { usernameKey: { $gt: foldName(page.after) } };
  return em.find(User, { ...where, deletedAt: null }, { orderBy: { usernameKey: 'asc' }, limit: page.limit ?? 100 });
}

/** The user as `access` knows one. */
export function holderOf(user: Pick<User, 'id' | 'isActive' | 'isSuperuser'>): Holder {
  return { kind: 'user', id: user.id, isActive: user.isActive, isSuperuser: user.isSuperuser };
}

/** The fields that the edit log shows; never the password. */
function pictureOf(user: User) {
  const { username, email, firstName, lastName, isActive, isStaff, isSuperuser } = user;
  return { username, email, firstName, lastName, isActive, isStaff, isSuperuser };
}

export function objectOf(user: Pick<User, 'id' | 'username'>) {
  return { kind: 'user', id: user.id, label: user.username };
}
