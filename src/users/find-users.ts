import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { casefoldName, isNameSized } from '../platform/casefold.ts';
import { Failure } from '../platform/errors.ts';
import { parseUuid, suggest } from '../platform/text.ts';
import { User } from './entities.ts';
import { BUILT_IN } from './reserved-names.ts';

/** Who is meant: by the username, which never looks like an id, or by the id. */
export type UserRef = string | { readonly id: string };

export async function findUser(em: SqlEntityManager, username: string): Promise<User | null> {
  if (!isNameSized(username)) return null;
  return em.findOne(User, { usernameKey: casefoldName(username), deletedAt: null });
}

/**
 * As `findUser`, for whoever is about to give the user something in this transaction: until its end the user is not deleted.
 * Not for a change of the user itself, which takes the stronger lock: two that hold this one would wait for each other.
 */
export async function lockUser(tx: SqlEntityManager, who: UserRef): Promise<User> {
  const { id } = await getUser(tx, who);
  const options = { refresh: true, lockMode: LockMode.PESSIMISTIC_READ } as const;
  return (await tx.findOne(User, { id, deletedAt: null }, options)) ?? getUser(tx, who);
}

/** As `findUser`, failing with the nearest name. An id is never taken for a name, nor a name for an id. */
export async function getUser(em: SqlEntityManager, who: UserRef): Promise<User> {
  if (typeof who !== 'string') return getUserById(em, who.id);
  if (parseUuid(who) !== null)
    throw new Failure('notFound', `"${who}" is an id, not a username. Name the user by it: --user-id ${who}`);
  const user = await findUser(em, who);
  if (user) return user;
  return noUser(em, who);
}

async function getUserById(em: SqlEntityManager, text: string): Promise<User> {
  const id = parseUuid(text);
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
  const where = page.after === undefined ? {} : { usernameKey: { $gt: casefoldName(page.after) } };
  return em.find(User, { ...where, deletedAt: null }, { orderBy: { usernameKey: 'asc' }, limit: page.limit ?? 100 });
}

/** Users whose name is `reservedName`: an earlier version, or a database by hand, let it be. As many as `limit`, by name. */
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
