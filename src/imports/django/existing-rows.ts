import type { SqlEntityManager } from '@mikro-orm/sql';
import { casefoldName } from '../../platform/casefold.ts';
import { inBatches } from './batches.ts';
import { anyId, anyText } from './previous-imports.ts';
import type { DjangoUser } from './reader/records.ts';

export interface ExistingPermission {
  readonly id: string;
  readonly label: string;
  readonly isLive: boolean;
}

export interface ExistingGroup {
  readonly id: string;
  readonly name: string;
  /** Names of its permissions at the API. */
  readonly permissions: ReadonlySet<string>;
  /** A hash of all values that an import may change, to detect concurrent changes. */
  readonly fingerprint: string;
}

export interface Flags {
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
}

export interface ExistingUser {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly isActive: boolean;
  /** At the API or globally. */
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
  /** The global flags; `role` has those at the API. */
  readonly own: Flags;
  readonly role: Flags | null;
  readonly passwordEpoch: number;
  readonly password: string;
  readonly fingerprint: string;
  readonly attributes: Record<string, unknown>;
  /** Ids. */
  readonly groups: ReadonlySet<string>;
  /** Names of the permissions assigned directly at the API. */
  readonly permissions: ReadonlySet<string>;
}

/** A hash of all values of a user `u` and its principal `p` that an import may change; a login changes none of them. */
export const USER_FINGERPRINT = `md5(concat_ws('|', u.username, u.email, u.email_verified_at is not null, u.first_name, u.last_name, u.is_active,
  u.is_staff, u.is_superuser, u.password, u.attributes::text, p.perms_version))`;

/** The same for a group `g`. */
export const GROUP_FINGERPRINT = `md5(g.name || '|' || array_to_string(array(
  select h.permission_id::text from permissions_group_permission h where h.group_id = g.id order by 1), ','))`;

export type PermissionNames = (ids: readonly string[]) => Set<string>;

/** Returns a function from permission ids to the names of those that are live at the API. */
export function namesById(permissions: ReadonlyMap<string, ExistingPermission>): PermissionNames {
  const names = new Map([...permissions].flatMap(([name, { id, isLive }]) => (isLive ? [[id, name] as const] : [])));
  return (ids) => new Set(ids.flatMap((id) => names.get(id) ?? []));
}

export function hasId(pair: readonly [string, string | undefined]): pair is readonly [string, string] {
  return pair[1] !== undefined;
}

/** Returns ids by folded name. */
export async function idsByKey(
  em: SqlEntityManager,
  table: string,
  column: string,
  keys: readonly string[],
): Promise<Map<string, string>> {
  const ids = new Map<string, string>();
  await inBatches(keys, async (batch) => {
    const rows = await em.execute<{ id: string; key: string }[]>(
      `select id, ${column} as key from ${table} where ${column} = ${anyText}`,
      [JSON.stringify(batch)],
    );
    for (const row of rows) ids.set(row.key, row.id);
  });
  return ids;
}

export async function readPermissions(em: SqlEntityManager, apiId: string): Promise<Map<string, ExistingPermission>> {
  const rows = await em.execute<{ id: string; name: string; label: string; is_live: boolean }[]>(
    'select id, name, label, removed_version is null as is_live from permissions_permission where api_id = ? order by is_live, index',
    [apiId],
  );
  return new Map(rows.map((row) => [row.name, { id: row.id, label: row.label, isLive: row.is_live }]));
}

export async function readGroups(
  em: SqlEntityManager,
  permissionNamesById: PermissionNames,
  ids: readonly string[],
): Promise<Map<string, ExistingGroup>> {
  const groups = new Map<string, ExistingGroup>();
  await inBatches(ids, async (batch) => {
    const rows = await em.execute<{ id: string; name: string; fingerprint: string; permissions: string[] }[]>(
      `select g.id, g.name, ${GROUP_FINGERPRINT} as fingerprint, array(select h.permission_id::text from permissions_group_permission h where h.group_id = g.id) as permissions
       from permissions_group g where g.id = ${anyId}`,
      [JSON.stringify(batch)],
    );
    for (const { id, name, fingerprint, permissions } of rows)
      groups.set(id, { id, name, fingerprint, permissions: permissionNamesById(permissions) });
  });
  return groups;
}

interface UserRow {
  id: string;
  username: string;
  email: string;
  first_name: string;
  last_name: string;
  is_active: boolean;
  is_staff: boolean;
  is_superuser: boolean;
  role_staff: boolean | null;
  role_superuser: boolean | null;
  password: string;
  fingerprint: string;
  password_epoch: number;
  attributes: string;
  groups: string[];
  permissions: string[];
}

export async function readUsers(
  em: SqlEntityManager,
  apiId: string,
  permissionNamesById: PermissionNames,
  ids: readonly string[],
): Promise<Map<string, ExistingUser>> {
  const users = new Map<string, ExistingUser>();
  await inBatches(ids, async (batch) => {
    const rows = await em.execute<UserRow[]>(
      `select u.id, u.username, u.email, u.first_name, u.last_name, u.is_active, u.password_epoch::int as password_epoch,
         u.is_staff, u.is_superuser, r.is_staff as role_staff, r.is_superuser as role_superuser, u.password, ${USER_FINGERPRINT} as fingerprint,
         u.attributes::text as attributes, array(select m.group_id::text from permissions_group_member m where m.principal_id = u.id) as groups,
         array(select a.permission_id::text from permissions_assignment a where a.principal_id = u.id) as permissions
       from users_user u join permissions_principal p on p.id = u.id left join permissions_role r on r.principal_id = u.id and r.api_id = ?
       where u.deleted_at is null and u.id = ${anyId}`,
      [apiId, JSON.stringify(batch)],
    );
    for (const row of rows) users.set(row.id, readUserRow(row, permissionNamesById));
  });
  return users;
}

function readUserRow(row: UserRow, permissionNamesById: PermissionNames): ExistingUser {
  const own = { isStaff: row.is_staff, isSuperuser: row.is_superuser };
  const role = row.role_staff === null ? null : { isStaff: row.role_staff, isSuperuser: row.role_superuser ?? false };
  return {
    id: row.id,
    username: row.username,
    email: row.email,
    firstName: row.first_name,
    lastName: row.last_name,
    isActive: row.is_active,
    isStaff: own.isStaff || (role?.isStaff ?? false),
    isSuperuser: own.isSuperuser || (role?.isSuperuser ?? false),
    own,
    role,
    password: row.password,
    fingerprint: row.fingerprint,
    passwordEpoch: row.password_epoch,
    attributes: JSON.parse(row.attributes) as Record<string, unknown>,
    groups: new Set(row.groups),
    permissions: permissionNamesById(row.permissions),
  };
}

export async function readEmailKeys(
  em: SqlEntityManager,
  users: readonly DjangoUser[],
): Promise<Map<string, string[]>> {
  const keys = users
    .flatMap((one) => [one.email, one.username])
    .filter((text) => text.includes('@'))
    .map(casefoldName);
  const found = new Map<string, string[]>();
  await inBatches(keys, async (batch) => {
    const rows = await em.execute<{ id: string; key: string }[]>(
      `select id, email_key as key from users_user where email_key = ${anyText}`,
      [JSON.stringify(batch)],
    );
    for (const { id, key } of rows) found.set(key, [...new Set([...(found.get(key) ?? []), id])]);
  });
  return found;
}

/** Reads users who are not in the dump, without their permissions. */
export function readUsersById(
  em: SqlEntityManager,
  apiId: string,
  ids: readonly string[],
): Promise<Map<string, ExistingUser>> {
  return readUsers(em, apiId, () => new Set(), ids);
}

/** Returns the ids of users whose `isActive` was last changed by something other than an import, according to the edit log. */
export async function readDeactivated(em: SqlEntityManager, ids: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>();
  await inBatches(ids, async (batch) => {
    const rows = await em.execute<{ id: string }[]>(
      `select id from (
         select distinct on (object_id) object_id as id, action from audit_entry
         where object_kind = 'user' and object_id = ${anyText} and jsonb_exists("after", 'isActive') order by object_id, audit_entry.id desc
       ) last where action <> 'import'`,
      [JSON.stringify(batch)],
    );
    for (const { id } of rows) found.add(id);
  });
  return found;
}
