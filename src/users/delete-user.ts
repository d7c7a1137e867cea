import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChange } from '../audit/index.ts';
import { makeUnusable } from '../passwords/index.ts';
import { revokeAll } from '../permissions/index.ts';
import { definePort } from '../platform/database/index.ts';
import { User } from './entities.ts';
import { userError } from './errors.ts';
import { auditObject } from './users.ts';

/** Port: ends a deleted user's sessions and erases personal data of rooms above, in the same transaction. Returns how many sessions ended. */
export const onUserDeleted =
  definePort<
    (tx: SqlEntityManager, user: Pick<User, 'id' | 'username'>, at: Date) => Promise<{ readonly sessions: number }>
  >('onUserDeleted');

/** A deleted user, with what was deleted along. */
export interface DeletedUser {
  readonly id: string;
  readonly sessions: number;
  /** Names. */
  readonly groups: string[];
  readonly permissions: number;
}

/**
 * Deletes a user: erases personal data, ends sessions and removes assignments. The row stays for its id,
 * which is never reused. The edit log keeps the id; from this entry on it has no name for it
 * (docs/decisions/0004-deleting-a-user.md). Throws `user_deleted_meanwhile`.
 */
export function deleteUser(em: SqlEntityManager, audit: AuditContext, { id }: Pick<User, 'id'>): Promise<DeletedUser> {
  return em.transactional(async (tx) => {
    // The row lock comes first: a concurrent login or change has either committed, and is handled below, or finds no user.
    const options = { refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE } as const;
    const user = await tx.findOne(User, { id, deletedAt: null }, options);
    if (!user) throw userError('user_deleted_meanwhile');
    const { isActive, isStaff, isSuperuser } = user;
    // In the order of locks: groups, principal, then sessions and their grants. No status changes before.
    const { groups, permissions, roles } = await revokeAll(tx, user.id);
    const { sessions } = await onUserDeleted.of(tx)(tx, user, audit.at);
    erase(user, audit.at);
    const before = { isActive, isStaff, isSuperuser, groups, permissions, roles };
    recordChange(tx, audit, {
      action: 'delete',
      object: auditObject(user),
      before,
      after: { sessionsEnded: sessions },
    });
    await tx.flush();
    return { id: user.id, sessions, groups, permissions };
  });
}

/**
 * No user can have the placeholder as a name: names are looked up by their folded form, which has no ASCII capital letters. The
 * epoch grows, so that no session of the user is live.
 */
function erase(user: User, at: Date): void {
  Object.assign(user, {
    username: `deleted:${user.id}`,
    usernameKey: `DELETED:${user.id}`,
    email: '',
    emailKey: null,
    emailVerifiedAt: null,
    firstName: '',
    lastName: '',
    attributes: {},
    lastLogin: null,
    password: makeUnusable(),
    passwordEpoch: user.passwordEpoch + 1,
    isActive: false,
    isStaff: false,
    isSuperuser: false,
    deletedAt: at,
  } satisfies Partial<User>);
}
