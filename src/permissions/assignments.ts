import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChange } from '../audit/index.ts';
import { type Api, Assignment, type Group, GroupPermission, type Permission, Role } from './entities.ts';
import type { PrincipalLabel } from './groups.ts';
import { groupMembers, invalidateRights, invalidateRightsByQuery } from './invalidate.ts';
import { lockApis, lockGroup, lockPrincipals } from './principal.ts';

/** A user, client or group to which permissions are assigned. */
export type Assignee =
  | { readonly kind: 'user' | 'client'; readonly principal: PrincipalLabel }
  | { readonly kind: 'group'; readonly group: Group };

/** Assigns permissions. Returns the names that the assignee did not have directly before. */
export function assign(
  em: SqlEntityManager,
  audit: AuditContext,
  to: Assignee,
  permissions: readonly Permission[],
): Promise<string[]> {
  return em.transactional(async (tx) => {
    const existing = await lockAssignments(tx, to, permissions);
    const added = permissions.filter((one) => !existing.has(one.id));
    for (const { id } of added) {
      if (to.kind === 'group') tx.persist(tx.create(GroupPermission, { group: to.group.id, permission: id }));
      else tx.persist(tx.create(Assignment, { principal: to.principal.id, permission: id }));
    }
    return recordAssignments(tx, audit, to, added, 'after');
  });
}

/** Removes direct assignments. Returns the names that the assignee had directly. Permissions of its groups stay. */
export function unassign(
  em: SqlEntityManager,
  audit: AuditContext,
  from: Assignee,
  permissions: readonly Permission[],
): Promise<string[]> {
  return em.transactional(async (tx) => {
    const existing = await lockAssignments(tx, from, permissions);
    const removed = permissions.filter((one) => existing.has(one.id));
    const permission = { $in: removed.map((one) => one.id) };
    if (from.kind === 'group') await tx.nativeDelete(GroupPermission, { group: from.group.id, permission });
    else await tx.nativeDelete(Assignment, { principal: from.principal.id, permission });
    return recordAssignments(tx, audit, from, removed, 'before');
  });
}

/**
 * Returns the ids of the assignee's direct permissions and locks its row, so that changes of one assignee, and of its version, are serialised.
 * Locks the APIs too: a concurrent removal of one of these permissions from the catalogue must see every assignment.
 */
async function lockAssignments(
  tx: SqlEntityManager,
  assignee: Assignee,
  permissions: readonly Permission[],
): Promise<Set<string>> {
  const apis = [...new Set(permissions.map((one) => one.api))];
  await lockApis(tx, apis, assignee.kind === 'group' ? 'writes' : 'reads');
  if (assignee.kind === 'group') await lockGroup(tx, assignee.group.id);
  else await lockPrincipals(tx, [assignee.principal.id]);
  const rows =
    assignee.kind === 'group'
      ? await tx.find(GroupPermission, { group: assignee.group.id })
      : await tx.find(Assignment, { principal: assignee.principal.id });
  return new Set(rows.map((one) => one.permission));
}

async function recordAssignments(
  em: SqlEntityManager,
  audit: AuditContext,
  assignee: Assignee,
  permissions: readonly Permission[],
  side: 'before' | 'after',
): Promise<string[]> {
  const names = permissions.map((one) => one.name);
  if (names.length === 0) return names;
  const label = assignee.kind === 'group' ? { id: assignee.group.id, label: assignee.group.name } : assignee.principal;
  const object = { kind: assignee.kind, ...label };
  recordChange(em, audit, { action: 'change', object, [side]: { permissions: names } });
  await em.flush();
  const change = {
    kind: side === 'after' ? 'added' : 'removed',
    apis: [...new Set(permissions.map((one) => one.api))],
  } as const;
  if (assignee.kind === 'group') await invalidateRightsByQuery(em, groupMembers(assignee.group.id), change);
  else await invalidateRights(em, [assignee.principal.id], change);
  return names;
}

/** Sets Django's flags `is_staff` and `is_superuser` of a principal at one API. */
export function setRole(
  em: SqlEntityManager,
  audit: AuditContext,
  principal: PrincipalLabel,
  api: Api,
  flags: { isStaff: boolean; isSuperuser: boolean },
): Promise<void> {
  return em.transactional(async (tx) => {
    await lockPrincipals(tx, [principal.id]);
    const role = await tx.findOne(Role, { principal: principal.id, api: api.id });
    const before = { isStaff: role?.isStaff ?? false, isSuperuser: role?.isSuperuser ?? false };
    if (before.isStaff === flags.isStaff && before.isSuperuser === flags.isSuperuser) return;
    await tx.upsert(Role, { principal: principal.id, api: api.id, ...flags });
    const sides = { before: { [api.audience]: before }, after: { [api.audience]: flags } };
    recordChange(tx, audit, { action: 'change', object: { kind: 'user', ...principal }, ...sides });
    await tx.flush();
    const isLess = (before.isStaff && !flags.isStaff) || (before.isSuperuser && !flags.isSuperuser);
    await invalidateRights(tx, [principal.id], { kind: isLess ? 'removed' : 'added', apis: [api.id] });
  });
}
