import type { SqlEntityManager } from '@mikro-orm/sql';
import { analyzeTables, anyId, bulkDelete, bulkInsert, type RowQuery } from '../platform/database/index.ts';

// Bulk verbs, for imports: one statement for all rows of a query, whose columns the comments name. They write rows and nothing else: the
// caller takes the locks in their order (users, APIs, groups), writes the edit log (`recordChanges`) and calls `invalidateRights`.

/** Inserts the principals of new users or clients: `id`, `kind`. */
export const insertPrincipals = bulkInsert('permissions_principal', 'id, kind');

/** Inserts groups: `id`, `name`, `name_key`. */
export const insertGroups = bulkInsert('permissions_group', 'id, name, name_key');

/** Gives permissions to groups: `group_id`, `permission_id`. What a group has already stays. */
export const insertGroupPermissions = bulkInsert(
  'permissions_group_permission',
  'group_id, permission_id',
  'on conflict do nothing',
);

/** Takes permissions away from groups: `group_id`, `permission_id`. */
export const deleteGroupPermissions = bulkDelete('permissions_group_permission', 'group_id', 'permission_id');

/** Adds members to groups: `principal_id`, `group_id`. A member already stays one. */
export const insertMembers = bulkInsert('permissions_group_member', 'principal_id, group_id', 'on conflict do nothing');

/** Removes members from groups: `principal_id`, `group_id`. */
export const deleteMembers = bulkDelete('permissions_group_member', 'principal_id', 'group_id');

/** Assigns permissions to principals: `principal_id`, `permission_id`. What a principal has already stays. */
export const insertAssignments = bulkInsert(
  'permissions_assignment',
  'principal_id, permission_id',
  'on conflict do nothing',
);

/** Takes assigned permissions away from principals: `principal_id`, `permission_id`. */
export const deleteAssignments = bulkDelete('permissions_assignment', 'principal_id', 'permission_id');

/** Sets the flags of principals at APIs: `principal_id`, `api_id`, `is_staff`, `is_superuser`. */
export const setRoles = bulkInsert(
  'permissions_role',
  'principal_id, api_id, is_staff, is_superuser',
  'on conflict (principal_id, api_id) do update set is_staff = excluded.is_staff, is_superuser = excluded.is_superuser',
);

/** Locks groups as `lockGroup` does, ordered by id: `id`. */
export async function lockGroups(tx: SqlEntityManager, { sql, values }: RowQuery): Promise<void> {
  await tx.execute(`select 1 from permissions_group where id = any(array(${sql})) order by id for update`, [...values]);
}

/**
 * Puts placeholders in place of the folded names of groups that `renameGroups` will change: `id`. Two groups may swap names, and a unique
 * index is checked row by row. No folded name has a capital letter.
 */
export async function freeGroupNames(tx: SqlEntityManager, { sql, values }: RowQuery): Promise<void> {
  await tx.execute(`update permissions_group g set name_key = 'MOVES:' || g.id from (${sql}) r where g.id = r.id`, [
    ...values,
  ]);
}

/** Renames groups, after `freeGroupNames`: `id`, `name`, `name_key`. */
export async function renameGroups(tx: SqlEntityManager, { sql, values }: RowQuery): Promise<void> {
  await tx.execute(
    `update permissions_group g set name = r.name, name_key = r.name_key from (${sql}) r where g.id = r.id`,
    [...values],
  );
}

/** What an import compares and may change of a group. */
interface GroupSnapshot {
  readonly id: string;
  readonly name: string;
  /** Ids, of permissions of any API. */
  readonly permissions: readonly string[];
  /** A hash of all of it, to detect concurrent changes (`haveGroupsChanged`). */
  readonly fingerprint: string;
}

/** Of the group `g`. */
const FINGERPRINT = `md5(g.name || '|' || array_to_string(array(
  select h.permission_id::text from permissions_group_permission h where h.group_id = g.id order by 1), ','))`;

/** Returns the groups of these ids, as many as one statement may read. */
export function readGroupSnapshots(em: SqlEntityManager, ids: readonly string[]): Promise<GroupSnapshot[]> {
  return em.execute<GroupSnapshot[]>(
    `select g.id, g.name, ${FINGERPRINT} as fingerprint,
       array(select h.permission_id::text from permissions_group_permission h where h.group_id = g.id) as permissions
     from permissions_group g where g.id = ${anyId}`,
    [JSON.stringify(ids)],
  );
}

/** Returns whether a group is gone or has another fingerprint: `id`, `fingerprint`. */
export async function haveGroupsChanged(tx: SqlEntityManager, { sql, values }: RowQuery): Promise<boolean> {
  const changed = await tx.execute<unknown[]>(
    `select 1 from (${sql}) r where not exists (
       select from permissions_group g where g.id = r.id and ${FINGERPRINT} = r.fingerprint) limit 1`,
    [...values],
  );
  return changed.length > 0;
}

/** Updates the planner's statistics of the tables that bulk verbs write. */
export async function analyzePermissions(em: SqlEntityManager): Promise<void> {
  await analyzeTables(
    em,
    'permissions_permission',
    'permissions_group',
    'permissions_group_member',
    'permissions_group_permission',
    'permissions_assignment',
    'permissions_role',
  );
}
