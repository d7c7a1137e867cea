import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordEvent } from '../../audit/index.ts';
import {
  type Api,
  deleteAssignments,
  deleteGroupPermissions,
  deleteMembers,
  freeGroupNames,
  groupMemberView,
  haveGroupsChanged,
  insertAssignments,
  insertGroupPermissions,
  invalidateRights,
  lockApis,
  lockGroups,
  renameGroups,
  setRoles,
} from '../../permissions/index.ts';
import { anyId } from '../../platform/database/index.ts';
import { endSessions } from '../../sessions/index.ts';
import { findSuperuser } from '../../signin/index.ts';
import { freeUserNames, haveUsersChanged, lockUsersForUpdate, updateUsers } from '../../users/index.ts';
import { inBatches, type Task } from './batches.ts';
import type { Plan } from './plan-state.ts';
import {
  assignments,
  groupPermissions,
  memberships,
  ROW_ID,
  roles,
  type StagedRange,
  stagedRows,
} from './staged-rows.ts';

/** Returns whether an import changes rows of earlier imports. */
export function hasUpdates({ rows }: Plan): boolean {
  return rows.some((one) => one.kind === 'old-user' || one.kind === 'old-group');
}

/**
 * Locks what changes, in the order of locks: users; every API, because its version may grow; groups whose members, permissions or names
 * change.
 */
export async function lockChangedRows(tx: SqlEntityManager, importId: string): Promise<void> {
  const range = { importId };
  await lockUsersForUpdate(tx, stagedRows(range, ['old-user'], ROW_ID));
  await lockApis(tx, null, 'writes');
  const groups = [
    stagedRows(range, ['old-group'], ROW_ID),
    ...['groupsGained', 'groupsLost'].map((list) => stagedRows(range, ['old-user'], 'one.value::uuid', { list })),
  ];
  await lockGroups(tx, {
    sql: groups.map((one) => one.sql).join(' union '),
    values: groups.flatMap((one) => one.values),
  });
}

/** Returns whether the compared rows have not changed since. Their locks are held. */
export async function isUnchanged(tx: SqlEntityManager, importId: string): Promise<boolean> {
  const compared = `${ROW_ID} as id, s.row->>'fingerprint' as fingerprint`;
  if (await haveUsersChanged(tx, stagedRows({ importId }, ['old-user'], compared))) return false;
  return !(await haveGroupsChanged(tx, stagedRows({ importId }, ['old-group'], compared)));
}

const CHANGES = `${ROW_ID} as id, s.row->'set' as changes`;
const IS_RENAMED = "jsonb_exists(s.row->'set', 'name')";

/** Makes names and verified addresses that change free, before new ones are stored. */
export async function freeNames(tx: SqlEntityManager, importId: string): Promise<void> {
  await freeUserNames(tx, stagedRows({ importId }, ['old-user'], CHANGES));
  await freeGroupNames(tx, stagedRows({ importId }, ['old-group'], `${ROW_ID} as id`, { where: IS_RENAMED }));
}

/** The statements that update one slice of rows: removals, then additions. `ids` is a JSON object of permission ids by name. */
export function updates(tx: SqlEntityManager, slice: StagedRange, api: Api, ids: string): Task[] {
  const names = `${ROW_ID} as id, s.row->'set'->>'name' as name, s.row->'set'->>'nameKey' as name_key`;
  return [
    () => updateUsers(tx, stagedRows(slice, ['old-user'], CHANGES)),
    () => renameGroups(tx, stagedRows(slice, ['old-group'], names, { where: IS_RENAMED })),
    () => deleteGroupPermissions(tx, groupPermissions(slice, 'old-group', 'permissionsLost', ids)),
    () => deleteMembers(tx, memberships(slice, 'old-user', 'groupsLost')),
    () => deleteAssignments(tx, assignments(slice, 'old-user', 'permissionsLost', ids)),
    () => insertGroupPermissions(tx, groupPermissions(slice, 'old-group', 'permissionsGained', ids)),
    () => insertAssignments(tx, assignments(slice, 'old-user', 'permissionsGained', ids)),
    () => setRoles(tx, roles(slice, 'old-user', api)),
    ...(['user', 'group', 'permission'] as const).map((kind) => () => updateRecords(tx, slice, api, kind)),
  ];
}

/** Updates import records. A renamed user has two, by its key and by its name in the source. Both are updated. */
async function updateRecords(
  tx: SqlEntityManager,
  slice: StagedRange,
  api: Api,
  kind: 'user' | 'group' | 'permission',
): Promise<void> {
  const columns = `${ROW_ID} as id, s.row->>'key' as key, decode(s.row->>'digest', 'hex') as digest,
    nullif(s.row->'imported', 'null') as imported`;
  const { sql, values } = stagedRows(slice, [`old-${kind}`], columns);
  await tx.execute(
    `update imports_record i set imported_digest = r.digest, imported = r.imported from (${sql}) r
     where i.source = ? and i.kind = '${kind}' and ${kind === 'permission' ? 'i.source_pk = r.key' : 'i.local_id = r.id'}`,
    [...values, api.audience],
  );
}

/** Users per statement that ends sessions. */
const SESSION_BATCH = 200;

/** Applies the effects that single changes would have, for all of them: removals first, then additions, then the end of sessions. */
export async function applyEffects(
  tx: SqlEntityManager,
  audit: AuditContext,
  plan: Plan,
  api: Pick<Api, 'id'>,
): Promise<void> {
  const { removed, added, groups, deactivated, newPasswords } = plan.effects;
  const apis = [api.id];
  await invalidateRights(tx, distinct(removed.allApis), { kind: 'removed', apis: null });
  await invalidateRights(tx, distinct(removed.thisApi, await readMembers(tx, groups.removed)), {
    kind: 'removed',
    apis,
  });
  await invalidateRights(tx, distinct(added.allApis), { kind: 'added', apis: null });
  await invalidateRights(tx, distinct(added.thisApi, await readMembers(tx, groups.added)), { kind: 'added', apis });
  // Tokens contain no group names, but cached rights of members do.
  await invalidateRights(tx, await readMembers(tx, groups.renamed), { kind: 'added', apis: [] });
  await invalidateRights(tx, deactivated, { kind: 'removed', apis: [] });
  for (const [users, reason] of [
    [deactivated, 'deactivated'],
    [newPasswords, 'password_changed'],
  ] as const)
    for (let from = 0; from < users.length; from += SESSION_BATCH)
      await endSessions(tx, audit.at, { user: users.slice(from, from + SESSION_BATCH) }, reason);
  await inBatches(newPasswords, async (batch) => {
    for (const userId of batch) recordEvent(tx, audit.at, { kind: 'password_changed', userId });
    await tx.flush();
  });
}

async function readMembers(tx: SqlEntityManager, groups: readonly string[]): Promise<string[]> {
  if (groups.length === 0) return [];
  const rows = await tx.execute<{ id: string }[]>(
    `select distinct m.principal_id as id from ${groupMemberView('m')} where m.group_id = ${anyId}`,
    [JSON.stringify(groups)],
  );
  return rows.map((one) => one.id);
}

function distinct(...some: (readonly string[])[]): string[] {
  return [...new Set(some.flat())];
}

/** Returns whether there is an active global superuser: an import never removes the last one. */
export async function hasActiveSuperuser(tx: SqlEntityManager): Promise<boolean> {
  return (await findSuperuser(tx)) !== null;
}
