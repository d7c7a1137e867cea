import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChange } from '../audit/index.ts';
import { type Api, Assignment, type Group, GroupPermission, type Permission, Role } from './entities.ts';
import type { PrincipalLabel } from './groups.ts';
import { groupMembers, invalidateRights, invalidateRightsByQuery } from './invalidate.ts';
import { lockApis, lockGroup, lockPrincipals } from './principal.ts';

/** Whoever can be given a permission. */
export type Assignee =
  | { readonly kind: 'user' | 'client'; readonly principal: PrincipalLabel }
  | { readonly kind: 'group'; readonly group: Group };

/** Gives permissions; answers the names that the receiver did not hold directly before. */
export function assign(
  em: SqlEntityManager,
  audit: AuditContext,
  to: Assignee,
  permissions: readonly Permission[],
): Promise<string[]> {
  return em.transactional(async (tx) => {
    const held = await lockHeld(tx, to, permissions);
    const added = permissions.filter((one) => !held.has(one.id));
    for (const { id } of added) {
      if (to.kind === 'group') tx.persist(tx.create(GroupPermission, { group: to.group.id, permission: id }));
      else tx.persist(tx.create(Assignment, { principal: to.principal.id, permission: id }));
    }
    return changed(tx, audit, to, added, 'after');
  });
}

/** Takes permissions away; answers the names that the receiver held directly. What it has by a group stays. */
export function unassign(
  em: SqlEntityManager,
  audit: AuditContext,
  from: Assignee,
  permissions: readonly Permission[],
): Promise<string[]> {
  return em.transactional(async (tx) => {
    const held = await lockHeld(tx, from, permissions);
    const removed = permissions.filter((one) => held.has(one.id));
    const permission = { $in: removed.map((one) => one.id) };
    if (from.kind === 'group') await tx.nativeDelete(GroupPermission, { group: from.group.id, permission });
    else await tx.nativeDelete(Assignment, { principal: from.principal.id, permission });
    return changed(tx, audit, from, removed, 'before');
  });
}

/**
 * What the receiver holds, under its row lock: changes of one receiver follow each other, and the versions that they raise too. And
 * under those of the APIs: a catalogue that loses one of these permissions meanwhile must know who has it.
 */
async function lockHeld(
  tx: SqlEntityManager,
  receiver: Assignee,
  permissions: readonly Permission[],
): Promise<Set<string>> {
  const apis = [...new Set(permissions.map((one) => one.api))];
  await lockApis(tx, apis, receiver.kind === 'group' ? 'writes' : 'reads');
  if (receiver.kind === 'group') await lockGroup(tx, receiver.group.id);
  else await lockPrincipals(tx, [receiver.principal.id]);
  const rows =
    receiver.kind === 'group'
      ? await tx.find(GroupPermission, { group: receiver.group.id })
      : await tx.find(Assignment, { principal: receiver.principal.id });
  return new Set(rows.map((one) => one.permission));
}

async function changed(
  em: SqlEntityManager,
  audit: AuditContext,
  who: Assignee,
  permissions: readonly Permission[],
  side: 'before' | 'after',
): Promise<string[]> {
  const names = permissions.map((one) => one.name);
  if (names.length === 0) return names;
  const named = who.kind === 'group' ? { id: who.group.id, label: who.group.name } : who.principal;
  recordChange(em, audit, { action: 'change', object: { kind: who.kind, ...named }, [side]: { permissions: names } });
  await em.flush();
  const change = {
    kind: side === 'after' ? 'added' : 'removed',
    apis: [...new Set(permissions.map((one) => one.api))],
  } as const;
  if (who.kind === 'group') await invalidateRightsByQuery(em, groupMembers(who.group.id), change);
  else await invalidateRights(em, [who.principal.id], change);
  return names;
}

/** Sets Django's two flags of a principal at one API. */
export function setRole(
  em: SqlEntityManager,
  audit: AuditContext,
  who: PrincipalLabel,
  api: Api,
  flags: { isStaff: boolean; isSuperuser: boolean },
): Promise<void> {
  return em.transactional(async (tx) => {
    await lockPrincipals(tx, [who.id]);
    const role = await tx.findOne(Role, { principal: who.id, api: api.id });
    const before = { isStaff: role?.isStaff ?? false, isSuperuser: role?.isSuperuser ?? false };
    if (before.isStaff === flags.isStaff && before.isSuperuser === flags.isSuperuser) return;
    await tx.upsert(Role, { principal: who.id, api: api.id, ...flags });
    const sides = { before: { [api.audience]: before }, after: { [api.audience]: flags } };
    recordChange(tx, audit, { action: 'change', object: { kind: 'user', ...who }, ...sides });
    await tx.flush();
    const isLess = (before.isStaff && !flags.isStaff) || (before.isSuperuser && !flags.isSuperuser);
    await invalidateRights(tx, [who.id], { kind: isLess ? 'removed' : 'added', apis: [api.id] });
  });
}
