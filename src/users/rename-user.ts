import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, difference, recordChange } from '../audit/index.ts';
import { apisWithUsername, invalidateRights } from '../permissions/index.ts';
import { casefoldName, normalizeName } from '../platform/casefold.ts';
import { definePort } from '../platform/database/index.ts';
import { User } from './entities.ts';
import { userError } from './errors.ts';
import { checkUser, type FieldError } from './fields.ts';
import { auditObject, auditSnapshot, uniqueViolation, usernameTaken } from './users.ts';

/** Port: runs before a user is renamed, with the old name, in the same transaction. */
export const onUserRenamed =
  definePort<(tx: SqlEntityManager, before: Pick<User, 'id' | 'username'>) => Promise<void>>('onUserRenamed');

/**
 * Renames a user; the id and everything that belongs to it stays. The old name is free at once, so tokens that contain it are suspended:
 * a service that identifies users by name would take them for the next user of that name. Returns the user, or the errors of the name.
 * Throws `user_deleted_meanwhile`.
 */
export async function renameUser(
  em: SqlEntityManager,
  audit: AuditContext,
  ref: Pick<User, 'id'>,
  username: string,
): Promise<User | FieldError[]> {
  const errors = checkUser({ username });
  if (errors.length > 0) return errors;
  try {
    return await em.transactional((tx) => rename(tx, audit, ref, username));
  } catch (error) {
    // The name was taken between check and write; the unique index decides.
    const taken = uniqueViolation(error);
    if (taken) return [taken];
    throw error;
  }
}

async function rename(
  tx: SqlEntityManager,
  audit: AuditContext,
  { id }: Pick<User, 'id'>,
  username: string,
): Promise<User | FieldError[]> {
  const options = { refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE } as const;
  const user = await tx.findOne(User, { id, deletedAt: null }, options);
  if (!user) throw userError('user_deleted_meanwhile');
  const usernameKey = casefoldName(username);
  if ((await tx.count(User, { usernameKey, id: { $ne: user.id } })) > 0) return [usernameTaken];
  const before = auditSnapshot(user);
  const userBefore = { id: user.id, username: user.username };
  Object.assign(user, { username: normalizeName(username), usernameKey });
  const changed = difference(before, auditSnapshot(user));
  if (!changed) return user;
  await onUserRenamed.of(tx)(tx, userBefore);
  recordChange(tx, audit, { action: 'change', object: auditObject(user), ...changed });
  await tx.flush();
  await invalidateRights(tx, [user.id], { kind: 'removed', apis: await apisWithUsername(tx) });
  return user;
}
