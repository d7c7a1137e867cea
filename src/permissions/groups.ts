import { randomUUIDv7 } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChange } from '../audit/index.ts';
import { casefoldName, hasUnprintable, isBlank, isNameSized, normalizeName } from '../platform/casefold.ts';
import type { DomainError } from '../platform/errors.ts';
import { suggest } from '../platform/text.ts';
import { Group, GroupMember } from './entities.ts';
import { type PermissionErrors, permissionError } from './errors.ts';
import { BATCH_THRESHOLD } from './fan-out.ts';
import { groupMembers, invalidateRights, invalidateRightsByQuery, readGroupApis } from './invalidate.ts';
import { lockApis, lockGroup } from './principal.ts';

/** A principal with its name for the audit log. */
export interface PrincipalLabel {
  readonly id: string;
  readonly label: string;
}

/** Throws DomainError for an invalid name, and `group_exists` for one that exists in any spelling. */
export async function createGroup(em: SqlEntityManager, audit: AuditContext, name: string): Promise<Group> {
  checkGroupName(name);
  const existing = await em.findOne(Group, { nameKey: casefoldName(name) });
  if (existing) throw permissionError('group_exists', { name: existing.name });
  const group = em.create(Group, { id: randomUUIDv7(), name: normalizeName(name), nameKey: casefoldName(name) });
  em.persist(group);
  recordChange(em, audit, { action: 'add', object: auditObject(group), after: { name: group.name } });
  await em.flush();
  return group;
}

/** The length of Django's `Group.name`. */
const MAX_NAME_LENGTH = 150;

/** Returns why a name is not valid for a group; undefined if it is. */
export function groupNameProblem(name: string): DomainError<keyof PermissionErrors> | undefined {
  const folded = casefoldName(name);
  if (!isNameSized(name) || Math.max([...name].length, [...folded].length) > MAX_NAME_LENGTH)
    return permissionError('group_name_too_long', { max: MAX_NAME_LENGTH });
  if (isBlank(folded)) return permissionError('group_name_empty');
  if (hasUnprintable(name)) return permissionError('group_name_unprintable');
  return undefined;
}

function checkGroupName(name: string): void {
  const problem = groupNameProblem(name);
  if (problem) throw problem;
}

export async function getGroup(em: SqlEntityManager, name: string): Promise<Group> {
  const group = await em.findOne(Group, { nameKey: casefoldName(name) });
  if (group) return group;
  const near = suggest(
    name,
    (await listGroups(em)).map((one) => one.name),
  );
  throw permissionError('group_not_found', { name, near: near ?? null });
}

export function listGroups(em: SqlEntityManager): Promise<Group[]> {
  return em.findAll(Group, { orderBy: { nameKey: 'asc' } });
}

/** Returns the ids of the members. */
export async function listMembers(em: SqlEntityManager, groupId: string): Promise<string[]> {
  return (await em.find(GroupMember, { group: groupId })).map((one) => one.principal);
}

/** Returns the groups of a principal, ordered by name. */
export async function readGroups(em: SqlEntityManager, principalId: string): Promise<Group[]> {
  const memberships = await em.find(GroupMember, { principal: principalId });
  return em.find(Group, { id: { $in: memberships.map((one) => one.group) } }, { orderBy: { nameKey: 'asc' } });
}

/**
 * Renames a group. Sessions, introspection and userinfo return the new name at once. Access tokens contain no group names, so their statuses
 * do not change. Throws as `createGroup` does.
 */
export function renameGroup(
  em: SqlEntityManager,
  audit: AuditContext,
  { id }: Pick<Group, 'id'>,
  name: string,
): Promise<Group> {
  checkGroupName(name);
  return em.transactional(async (tx) => {
    await lockApis(tx, null, 'writes');
    const group = await lockGroup(tx, id);
    const nameKey = casefoldName(name);
    const other = await tx.findOne(Group, { nameKey, id: { $ne: group.id } });
    if (other) throw permissionError('group_exists', { name: other.name });
    const before = group.name;
    Object.assign(group, { name: normalizeName(name), nameKey });
    if (group.name === before) return group;
    const sides = { before: { name: before }, after: { name: group.name } };
    recordChange(tx, audit, { action: 'change', object: auditObject(group), ...sides });
    await tx.flush();
    await invalidateRightsByQuery(tx, groupMembers(group.id), { kind: 'added', apis: [] }, null);
    return group;
  });
}

/** Deletes a group; its members lose its permissions. */
export function deleteGroup(em: SqlEntityManager, audit: AuditContext, group: Group): Promise<void> {
  return em.transactional(async (tx) => {
    await lockApis(tx, null, 'writes');
    await lockGroup(tx, group.id);
    const change = { kind: 'removed', apis: await readGroupApis(tx, group.id) } as const;
    // Group names are part of the rights at every API.
    await invalidateRightsByQuery(tx, groupMembers(group.id), change, null);
    recordChange(tx, audit, { action: 'delete', object: auditObject(group), before: { name: group.name } });
    await tx.nativeDelete(Group, { id: group.id });
  });
}

/** Adds principals to a group. Returns those that were not members. */
export function addMembers(
  em: SqlEntityManager,
  audit: AuditContext,
  group: Group,
  principals: readonly PrincipalLabel[],
): Promise<PrincipalLabel[]> {
  return em.transactional(async (tx) => {
    const members = await lockMembers(tx, group, principals);
    const added = principals.filter((one) => !members.has(one.id));
    for (const { id } of added) tx.persist(tx.create(GroupMember, { principal: id, group: group.id }));
    return recordMembers(tx, audit, group, added, 'after');
  });
}

/** Removes principals from a group. Returns those that were members. */
export function removeMembers(
  em: SqlEntityManager,
  audit: AuditContext,
  group: Group,
  principals: readonly PrincipalLabel[],
): Promise<PrincipalLabel[]> {
  return em.transactional(async (tx) => {
    const members = await lockMembers(tx, group, principals);
    const removed = principals.filter((one) => members.has(one.id));
    await tx.nativeDelete(GroupMember, { group: group.id, principal: { $in: removed.map((one) => one.id) } });
    return recordMembers(tx, audit, group, removed, 'before');
  });
}

/** Returns the ids of those that are members, and locks the group and its APIs as `lockAssignments` does. */
async function lockMembers(
  tx: SqlEntityManager,
  group: Group,
  principals: readonly PrincipalLabel[],
): Promise<Set<string>> {
  if (principals.length > BATCH_THRESHOLD) await lockApis(tx, null, 'writes');
  else await lockApis(tx, await readGroupApis(tx, group.id), 'reads');
  await lockGroup(tx, group.id);
  const found = await tx.find(GroupMember, { group: group.id, principal: { $in: principals.map((one) => one.id) } });
  return new Set(found.map((one) => one.principal));
}

async function recordMembers(
  tx: SqlEntityManager,
  audit: AuditContext,
  group: Group,
  principals: PrincipalLabel[],
  side: 'before' | 'after',
): Promise<PrincipalLabel[]> {
  if (principals.length === 0) return principals;
  const members = principals.map((one) => one.label);
  recordChange(tx, audit, { action: 'change', object: auditObject(group), [side]: { members } });
  await tx.flush();
  const ids = principals.map((one) => one.id);
  const kind = side === 'after' ? 'added' : 'removed';
  await invalidateRights(tx, ids, { kind, apis: await readGroupApis(tx, group.id) });
  return principals;
}

function auditObject(group: Group) {
  return { kind: 'group', id: group.id, label: group.name };
}
