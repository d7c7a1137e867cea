import { randomUUIDv7 } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChange } from '../audit/index.ts';
import { casefoldName, hasUnprintable, isBlank, isNameSized, normalizeName } from '../platform/casefold.ts';
import { Failure } from '../platform/errors.ts';
import { suggest } from '../platform/text.ts';
import { Group, GroupMember } from './entities.ts';
import { BATCH_THRESHOLD } from './fan-out.ts';
import { apisOfGroup, groupMembers, invalidateRights, invalidateRightsByQuery } from './invalidate.ts';
import { lockApis, lockGroup } from './principal.ts';

/** A principal as the log names it. */
export interface PrincipalLabel {
  readonly id: string;
  readonly label: string;
}

/** Failures: an unfit name (usage), one that exists in any spelling (conflict). */
export async function createGroup(em: SqlEntityManager, audit: AuditContext, name: string): Promise<Group> {
  checkGroupName(name);
  const existing = await em.findOne(Group, { nameKey: casefoldName(name) });
  if (existing) throw new Failure('conflict', `There is a group "${existing.name}" already.`);
  const group = em.create(Group, { id: randomUUIDv7(), name: normalizeName(name), nameKey: casefoldName(name) });
  em.persist(group);
  recordChange(em, audit, { action: 'add', object: auditObject(group), after: { name: group.name } });
  await em.flush();
  return group;
}

/** Why a name cannot be a group's, however it came here; undefined when it can. */
export function groupNameProblem(name: string): string | undefined {
  const folded = casefoldName(name);
  if (!isNameSized(name) || Math.max([...name].length, [...folded].length) > 150)
    return 'A group name has 150 characters at most.';
  if (isBlank(folded)) return 'A group needs a name.';
  if (hasUnprintable(name)) return 'A group name may not contain control or invisible characters.';
  return undefined;
}

function checkGroupName(name: string): void {
  const problem = groupNameProblem(name);
  if (problem) throw new Failure('usage', problem);
}

export async function getGroup(em: SqlEntityManager, name: string): Promise<Group> {
  const group = await em.findOne(Group, { nameKey: casefoldName(name) });
  if (group) return group;
  const near = suggest(
    name,
    (await listGroups(em)).map((one) => one.name),
  );
  throw new Failure(
    'notFound',
    `There is no group "${name}". ${near ? `Did you mean "${near}"?` : 'List them with: npx signet group list'}`,
  );
}

export function listGroups(em: SqlEntityManager): Promise<Group[]> {
  return em.findAll(Group, { orderBy: { nameKey: 'asc' } });
}

/** Ids of the members. */
export async function listMembers(em: SqlEntityManager, groupId: string): Promise<string[]> {
  return (await em.find(GroupMember, { group: groupId })).map((one) => one.principal);
}

/** The groups of a principal, by name. */
export async function readGroups(em: SqlEntityManager, principalId: string): Promise<Group[]> {
  const memberships = await em.find(GroupMember, { principal: principalId });
  return em.find(Group, { id: { $in: memberships.map((one) => one.group) } }, { orderBy: { nameKey: 'asc' } });
}

/**
 * Gives a group another name. Sessions, introspection and userinfo say the new one at once; access tokens say no groups, so none of them
 * is told. Failures as of `createGroup`.
 */
export function renameGroup(
  em: SqlEntityManager,
  audit: AuditContext,
  of: Pick<Group, 'id'>,
  name: string,
): Promise<Group> {
  checkGroupName(name);
  return em.transactional(async (tx) => {
    await lockApis(tx, null, 'writes');
    const group = await lockGroup(tx, of.id);
    const nameKey = casefoldName(name);
    const other = await tx.findOne(Group, { nameKey, id: { $ne: group.id } });
    if (other) throw new Failure('conflict', `There is a group "${other.name}" already.`);
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

/** Deletes a group; its members lose what they had by it. */
export function deleteGroup(em: SqlEntityManager, audit: AuditContext, group: Group): Promise<void> {
  return em.transactional(async (tx) => {
    await lockApis(tx, null, 'writes');
    await lockGroup(tx, group.id);
    const change = { kind: 'removed', apis: await apisOfGroup(tx, group.id) } as const;
    // At every API its members are said to be in it.
    await invalidateRightsByQuery(tx, groupMembers(group.id), change, null);
    recordChange(tx, audit, { action: 'delete', object: auditObject(group), before: { name: group.name } });
    await tx.nativeDelete(Group, { id: group.id });
  });
}

/** Adds principals to a group; answers those who were not in it. */
export function addMembers(
  em: SqlEntityManager,
  audit: AuditContext,
  group: Group,
  some: readonly PrincipalLabel[],
): Promise<PrincipalLabel[]> {
  return em.transactional(async (tx) => {
    const present = await lockMembers(tx, group, some);
    const added = some.filter((one) => !present.has(one.id));
    for (const { id } of added) tx.persist(tx.create(GroupMember, { principal: id, group: group.id }));
    return membersChanged(tx, audit, group, added, 'after');
  });
}

/** Takes principals out of a group; answers those who were in it. */
export function removeMembers(
  em: SqlEntityManager,
  audit: AuditContext,
  group: Group,
  some: readonly PrincipalLabel[],
): Promise<PrincipalLabel[]> {
  return em.transactional(async (tx) => {
    const present = await lockMembers(tx, group, some);
    const removed = some.filter((one) => present.has(one.id));
    await tx.nativeDelete(GroupMember, { group: group.id, principal: { $in: removed.map((one) => one.id) } });
    return membersChanged(tx, audit, group, removed, 'before');
  });
}

/** Which of these are in the group, under its row lock; and under those of its APIs, as `lockHeld` of assignments. */
async function lockMembers(tx: SqlEntityManager, group: Group, some: readonly PrincipalLabel[]): Promise<Set<string>> {
  if (some.length > BATCH_THRESHOLD) await lockApis(tx, null, 'writes');
  else await lockApis(tx, await apisOfGroup(tx, group.id), 'reads');
  await lockGroup(tx, group.id);
  const found = await tx.find(GroupMember, { group: group.id, principal: { $in: some.map((one) => one.id) } });
  return new Set(found.map((one) => one.principal));
}

async function membersChanged(
  tx: SqlEntityManager,
  audit: AuditContext,
  group: Group,
  who: PrincipalLabel[],
  side: 'before' | 'after',
): Promise<PrincipalLabel[]> {
  if (who.length === 0) return who;
  const members = who.map((one) => one.label);
  recordChange(tx, audit, { action: 'change', object: auditObject(group), [side]: { members } });
  await tx.flush();
  const ids = who.map((one) => one.id);
  const kind = side === 'after' ? 'added' : 'removed';
  await invalidateRights(tx, ids, { kind, apis: await apisOfGroup(tx, group.id) });
  return who;
}

function auditObject(group: Group) {
  return { kind: 'group', id: group.id, label: group.name };
}
