import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChange } from '../audit/index.ts';
import { makeUnusable } from '../passwords/index.ts';
import { revokeAll } from '../permissions/index.ts';
import { definePort } from '../platform/database/index.ts';
import { Failure } from '../platform/errors.ts';
import { User } from './entities.ts';
import { auditObject } from './users.ts';

/** Port: a user is being deleted. What the user has ends and what says who it was is erased, in the same transaction; returns how many sessions ended. */
export const onUserDeleted =
  definePort<
    (tx: SqlEntityManager, user: Pick<User, 'id' | 'username'>, at: Date) => Promise<{ readonly sessions: number }>
  >('onUserDeleted');

/** What went with a user. */
export interface DeletedUser {
  readonly id: string;
  readonly sessions: number;
  /** Names. */
  readonly groups: string[];
  readonly permissions: number;
}

/**
 * Deletes a user, once: everything that says who it was is erased, everything that it held ends, and the row stays for its id,
 * which is never given again. The edit log keeps the id; from this entry on it knows no name for it
 * (docs/decisions/0004-deleting-a-user.md). Failure: deleted meanwhile.
 */
export function deleteUser(em: SqlEntityManager, audit: AuditContext, of: Pick<User, 'id'>): Promise<DeletedUser> {
  return em.transactional(async (tx) => {
    // The row's lock comes first: a login or a change that is under way is either done and seen below, or finds nobody.
    const options = { refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE } as const;
    const user = await tx.findOne(User, { id: of.id, deletedAt: null }, options);
    if (!user) throw new Failure('notFound', 'Somebody else deleted this user meanwhile.');
    const { isActive, isStaff, isSuperuser } = user;
    // In the order of locks: groups, principal, then sessions and what lives by them. No place of a status list moves before.
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
 * The placeholder can be nobody's name: a name is looked up by its folded form, which has no capital letter of ASCII. The
 * epoch grows, so that even a session that was missed is over.
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
