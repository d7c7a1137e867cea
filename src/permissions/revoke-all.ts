import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { Assignment, Group, GroupMember, Role } from './entities.ts';
import { bumpPrincipals } from './principal.ts';

/** The assignments that a principal had. */
export interface RevokedAssignments {
  /** Names. */
  readonly groups: string[];
  /** Number of direct assignments. */
  readonly permissions: number;
  /** Number of APIs at which it had a flag. */
  readonly roles: number;
}

/**
 * Deletes all assignments of a principal: memberships, permissions, and flags at APIs. For use in the transaction that deletes the
 * principal. Groups are locked before the principal, as in every function that changes both.
 */
export async function revokeAll(tx: SqlEntityManager, principalId: string): Promise<RevokedAssignments> {
  const memberships = await tx.find(GroupMember, { principal: principalId });
  const ids = memberships.map((one) => one.group);
  const lock = { refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } } as const;
  const groups = ids.length === 0 ? [] : await tx.find(Group, { id: { $in: ids } }, lock);
  // Token statuses need no update: the principal's sessions and grants end in the same transaction.
  await bumpPrincipals(tx, [principalId]);
  await tx.nativeDelete(GroupMember, { principal: principalId });
  const permissions = await tx.nativeDelete(Assignment, { principal: principalId });
  const roles = await tx.nativeDelete(Role, { principal: principalId });
  return { groups: groups.map((one) => one.name).sort(), permissions, roles };
}
