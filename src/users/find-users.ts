import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { casefoldName, isNameSized } from '../platform/casefold.ts';
import { parseUuid, suggest } from '../platform/text.ts';
import { User } from './entities.ts';
import { userError } from './errors.ts';
import { BUILT_IN } from './username-rules.ts';

/** A user, named by username (which never looks like an id) or by id. */
export type UserRef = string | { readonly id: string };

export async function findUser(em: SqlEntityManager, username: string): Promise<User | null> {
  if (!isNameSized(username)) return null;
  return em.findOne(User, { usernameKey: casefoldName(username), deletedAt: null });
}

/**
 * Returns a user with a shared lock, so that it is not deleted before the end of this transaction. For transactions that assign something
 * to the user. A change of the user itself takes an exclusive lock instead: two transactions with the shared one would deadlock.
 */
export async function lockUser(tx: SqlEntityManager, ref: UserRef): Promise<User> {
  const { id } = await getUser(tx, ref);
  const options = { refresh: true, lockMode: LockMode.PESSIMISTIC_READ } as const;
  return (await tx.findOne(User, { id, deletedAt: null }, options)) ?? getUser(tx, ref);
}

/** Like `findUser`, but throws DomainError, with the nearest name, if there is no such user. An id is never read as a name, nor a name as an id. */
export async function getUser(em: SqlEntityManager, ref: UserRef): Promise<User> {
  if (typeof ref !== 'string') return getUserById(em, ref.id);
  if (parseUuid(ref) !== null) throw userError('user_id_as_username', { id: ref });
  const user = await findUser(em, ref);
  if (user) return user;
  return throwNotFound(em, ref);
}

async function getUserById(em: SqlEntityManager, text: string): Promise<User> {
  const id = parseUuid(text);
  if (id === null) throw userError('user_id_invalid', { id: text });
  const user = await em.findOne(User, { id, deletedAt: null });
  if (user) return user;
  throw userError('user_id_not_found', { id });
}

async function throwNotFound(em: SqlEntityManager, username: string): Promise<never> {
  const names = await em.find(User, { deletedAt: null }, { fields: ['username'], limit: 10_000 });
  const near = suggest(
    username,
    names.map((one) => one.username),
  );
  throw userError('user_not_found', { username, near: near ?? null });
}

/** Returns a page of users ordered by name, starting after the name `after`. */
export function listUsers(em: SqlEntityManager, page: { after?: string; limit?: number } = {}): Promise<User[]> {
  const where = page.after === undefined ? {} : { usernameKey: { $gt: casefoldName(page.after) } };
  return em.find(User, { ...where, deletedAt: null }, { orderBy: { usernameKey: 'asc' }, limit: page.limit ?? 100 });
}

/** Returns users with a reserved name (`reservedName`), created by an earlier version or by SQL, ordered by name, at most `limit`. */
export async function usersWithReservedNames(
  em: SqlEntityManager,
  limit: number,
): Promise<{ id: string; username: string }[]> {
  return em.execute<{ id: string; username: string }[]>(
    `select id, username from users_user where deleted_at is null and (username_key ~ '^(c_|https://)'
       or username_key = any(array(select jsonb_array_elements_text(?::jsonb))) or translate(username_key, '{}-', '') ~ '^[0-9a-f]{32}$')
     order by username_key limit ?`,
    [JSON.stringify(BUILT_IN), limit],
  );
}

/** Ids in one statement, far below the protocol's limit. */
const BATCH = 1000;

/** Returns the usernames of these ids, ordered by name. Ids of deleted users and of other objects are left out. */
export async function readUsernames(em: SqlEntityManager, ids: readonly string[]): Promise<Map<string, string>> {
  const found: { id: string; username: string; usernameKey: string }[] = [];
  for (let from = 0; from < ids.length; from += BATCH) {
    const batch = ids.slice(from, from + BATCH);
    found.push(
      ...(await em.find(User, { id: { $in: batch }, deletedAt: null }, { fields: ['id', 'username', 'usernameKey'] })),
    );
  }
  found.sort((a, b) => (a.usernameKey < b.usernameKey ? -1 : 1));
  return new Map(found.map((one) => [one.id, one.username]));
}
