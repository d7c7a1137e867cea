import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { Assignment, Group, GroupMember, Role } from './entities.ts';
import { bumpPrincipals } from './principal.ts';

/** What a principal held. */
export interface RevokedAssignments {
  /** Names. */
  readonly groups: string[];
  /** Permissions that were given directly. */
  readonly permissions: number;
  /** APIs at which it had a flag. */
  readonly roles: number;
}

/**
 * Takes everything from a principal: memberships, permissions, flags at APIs. For one that will never hold anything again, in
 * the transaction that ends it. Groups are locked before the principal, as everybody does who changes both.
 */
export async function revokeAll(tx: SqlEntityManager, principalId: string): Promise<RevokedAssignments> {
  const memberships = await tx.find(GroupMember, { principal: principalId });
  const ids = memberships.map((one) => one.group);
  const lock = { refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } } as const;
  const groups = ids.length === 0 ? [] : await tx.find(Group, { id: { $in: ids } }, lock);
  // What tokens say needs no telling: whoever holds nothing any more has ended, with all that it had.
  await bumpPrincipals(tx, [principalId]);
  await tx.nativeDelete(GroupMember, { principal: principalId });
  const permissions = await tx.nativeDelete(Assignment, { principal: principalId });
  const roles = await tx.nativeDelete(Role, { principal: principalId });
  return { groups: groups.map((one) => one.name).sort(), permissions, roles };
}
