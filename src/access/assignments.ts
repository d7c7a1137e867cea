import type { SqlEntityManager } from '@mikro-orm/sql';
import { recordChange, type Stamp } from '../audit/index.ts';
import { type Api, Assignment, type Group, GroupPermission, type Permission, Role } from './entities.ts';
import type { Named } from './groups.ts';
import { groupRightsChanged, rightsChanged } from './principal.ts';

/** Whoever can be given a permission. */
export type Receiver =
  | { readonly kind: 'user' | 'client'; readonly principal: Named }
  | { readonly kind: 'group'; readonly group: Group };

/** Gives permissions; answers the names that the receiver did not hold directly before. */
export async function assign(
  em: SqlEntityManager,
  stamp: Stamp,
  to: Receiver,
  permissions: readonly Permission[],
): Promise<string[]> {
  const held = await heldBy(em, to);
  const added = permissions.filter((one) => !held.has(one.id));
  for (const { id } of added) {
    if (to.kind === 'group') em.persist(em.create(GroupPermission, { group: to.group.id, permission: id }));
    else em.persist(em.create(Assignment, { principal: to.principal.id, permission: id }));
  }
  return changed(em, stamp, to, added, 'after');
}

/** Takes permissions away; answers the names that the receiver held directly. What it has by a group stays. */
export async function unassign(
  em: SqlEntityManager,
  stamp: Stamp,
  from: Receiver,
  permissions: readonly Permission[],
): Promise<string[]> {
  const held = await heldBy(em, from);
  const removed = permissions.filter((one) => held.has(one.id));
  const ids = removed.map((one) => one.id);
  if (from.kind === 'group') await em.nativeDelete(GroupPermission, { group: from.group.id, permission: { $in: ids } });
  else await em.nativeDelete(Assignment, { principal: from.principal.id, permission: { $in: ids } });
  return changed(em, stamp, from, removed, 'before');
}

async function heldBy(em: SqlEntityManager, receiver: Receiver): Promise<Set<string>> {
  const rows =
    receiver.kind === 'group'
      ? await em.find(GroupPermission, { group: receiver.group.id })
      : await em.find(Assignment, { principal: receiver.principal.id });
  return new Set(rows.map((one) => one.permission));
}

async function changed(
  em: SqlEntityManager,
  stamp: Stamp,
  who: Receiver,
  permissions: readonly Permission[],
  side: 'before' | 'after',
): Promise<string[]> {
  const names = permissions.map((one) => one.name);
  if (names.length === 0) return names;
  const named = who.kind === 'group' ? { id: who.group.id, label: who.group.name } : who.principal;
  recordChange(em, stamp, { action: 'change', object: { kind: who.kind, ...named }, [side]: { permissions: names } });
  await em.flush();
  if (who.kind === 'group') await groupRightsChanged(em, who.group.id);
  else await rightsChanged(em, [who.principal.id]);
  return names;
}

/** Sets Django's two flags of a principal at one API. */
export async function setRole(
  em: SqlEntityManager,
  stamp: Stamp,
  who: Named,
  api: Api,
  flags: { isStaff: boolean; isSuperuser: boolean },
): Promise<void> {
  const role = await em.findOne(Role, { principal: who.id, api: api.id });
  const before = { isStaff: role?.isStaff ?? false, isSuperuser: role?.isSuperuser ?? false };
  if (before.isStaff === flags.isStaff && before.isSuperuser === flags.isSuperuser) return;
  await em.upsert(Role, { principal: who.id, api: api.id, ...flags });
  recordChange(em, stamp, {
    action: 'change',
    object: { kind: 'user', ...who },
    before: { [api.audience]: before },
    after: { [api.audience]: flags },
  });
  await em.flush();
  await rightsChanged(em, [who.id]);
}
