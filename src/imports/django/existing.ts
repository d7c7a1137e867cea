import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Api } from '../../permissions/index.ts';
import { casefoldName } from '../../platform/casefold.ts';
import { inBatches } from './batches.ts';
import { type ImportLog, readImportLog } from './import-log.ts';
import type { ImportedUser } from './imported-values.ts';
import {
  addDeletedUsers,
  anyId,
  anyText,
  type PreviousImport,
  readPreviousById,
  readPreviousImports,
} from './previous-imports.ts';
import type { DjangoDump, DjangoUser } from './reader/records.ts';

export interface ByKind<T> {
  readonly permission: ReadonlyMap<string, T>;
  readonly group: ReadonlyMap<string, T>;
  readonly user: ReadonlyMap<string, T>;
}

export interface ExistingPermission {
  readonly id: string;
  readonly label: string;
  readonly isLive: boolean;
}

export interface ExistingGroup {
  readonly id: string;
  readonly name: string;
  /** Names of the permissions that it holds at the API. */
  readonly permissions: ReadonlySet<string>;
  /** Of all that an import may change: it tells whether somebody did meanwhile. */
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
  /** Of the API or everywhere. */
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
  /** The user's own flags, and those at the API. */
  readonly own: Flags;
  readonly role: Flags | null;
  readonly passwordEpoch: number;
  readonly password: string;
  readonly fingerprint: string;
  readonly attributes: Record<string, unknown>;
  /** Ids. */
  readonly groups: ReadonlySet<string>;
  /** Names of what was given directly at the API. */
  readonly permissions: ReadonlySet<string>;
}

/** What Signet has, as far as it can meet the dump. */
export interface Existing {
  /** Permissions of the API by name; a removed one only where no live one has its name. */
  readonly permissions: ReadonlyMap<string, ExistingPermission>;
  /** Previous imports of the dump's records from this source, by key. */
  readonly previousByKey: ByKind<PreviousImport>;
  /** What the edit log says of those that an earlier version imported. */
  readonly log: ImportLog;
  /** Previous imports of local objects with the names of the dump's records, by local id. */
  readonly previousById: ByKind<PreviousImport>;
  readonly groups: Map<string, ExistingGroup>;
  readonly groupIds: Map<string, string>;
  readonly users: Map<string, ExistingUser>;
  readonly userIds: Map<string, string>;
  /** Folded addresses of the dump, and usernames that look like one, that are the address of a user of Signet: ids of those. */
  readonly emailKeys: ReadonlyMap<string, readonly string[]>;
  /** Ids of inactive users whom somebody deactivated in Signet. */
  readonly deactivatedHere: ReadonlySet<string>;
}

/** All that an import may change of a user `u` and its principal `p`; a login changes none of it. */
export const USER_FINGERPRINT = `md5(concat_ws('|', u.username, u.email, u.email_verified_at is not null, u.first_name, u.last_name, u.is_active,
  u.is_staff, u.is_superuser, u.password, u.attributes::text, p.perms_version))`;

/** The same of a group `g`. */
export const GROUP_FINGERPRINT = `md5(g.name || '|' || array_to_string(array(
  select h.permission_id::text from permissions_group_permission h where h.group_id = g.id order by 1), ','))`;

/** No API has this id. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** Reads it in a few statements for each batch of records, so that requests are served between. */
export async function readExisting(
  em: SqlEntityManager,
  api: Api | null,
  audience: string,
  dump: DjangoDump,
): Promise<Existing> {
  const apiId = api?.id ?? NOBODY;
  const previousByKey = {
    permission: await readPreviousImports(em, audience, 'permission', dump.permissions.records),
    group: await readPreviousImports(em, audience, 'group', [...dump.groups.records, ...dump.groups.refused]),
    user: await readPreviousImports(
      em,
      audience,
      'user',
      [...dump.userKeys].map((key) => ({ key })),
    ),
  };
  await addDeletedUsers(em, audience, dump.users.records, previousByKey.user);
  const groupIds = await idsByKey(
    em,
    'permissions_group',
    'name_key',
    dump.groups.records.map((one) => casefoldName(one.name)),
  );
  const userIds = await idsByKey(
    em,
    'users_user',
    'username_key',
    dump.users.records.map((one) => casefoldName(one.username)),
  );
  const permissions = await readPermissions(em, apiId);
  const permissionNamesById = namesById(permissions);
  const permissionIds = new Map(
    dump.permissions.records.flatMap(({ name }) => [[name, permissions.get(name)?.id] as const].filter(hasId)),
  );
  const idsByKind = (kind: 'group' | 'user', ids: Map<string, string>) => [
    ...new Set([...[...previousByKey[kind].values()].map((one) => one.localId), ...ids.values()]),
  ];
  const log = await readImportLog(em, audience, previousByKey.user.values(), previousByKey.group.values());
  const importedGroups = [...previousByKey.user.values()].flatMap(
    (one) => (one.imported as ImportedUser | null)?.groups ?? [],
  );
  const users = await readUsers(em, apiId, permissionNamesById, idsByKind('user', userIds));
  return {
    permissions,
    previousByKey,
    log,
    previousById: {
      permission: await readPreviousById(em, audience, 'permission', permissionIds),
      group: await readPreviousById(em, audience, 'group', groupIds),
      user: await readPreviousById(em, audience, 'user', userIds),
    },
    groups: await readGroups(em, permissionNamesById, [
      ...new Set([...idsByKind('group', groupIds), ...importedGroups, ...log.groupIds]),
    ]),
    groupIds,
    users,
    userIds,
    emailKeys: await readEmailKeys(em, [...dump.users.records, ...dump.users.refused]),
    deactivatedHere: await readDeactivated(
      em,
      [...users.values()].filter((one) => !one.isActive).map((one) => one.id),
    ),
  };
}

type PermissionNames = (ids: readonly string[]) => Set<string>;

/** Of ids of permissions, the names of those that are live at the API. */
function namesById(permissions: ReadonlyMap<string, ExistingPermission>): PermissionNames {
  const names = new Map([...permissions].flatMap(([name, { id, isLive }]) => (isLive ? [[id, name] as const] : [])));
  return (ids) => new Set(ids.flatMap((id) => names.get(id) ?? []));
}

function hasId(pair: readonly [string, string | undefined]): pair is readonly [string, string] {
  return pair[1] !== undefined;
}

/** Ids by folded name. */
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

async function readPermissions(em: SqlEntityManager, apiId: string): Promise<Map<string, ExistingPermission>> {
  const rows = await em.execute<{ id: string; name: string; label: string; is_live: boolean }[]>(
    'select id, name, label, removed_version is null as is_live from permissions_permission where api_id = ? order by is_live, index',
    [apiId],
  );
  return new Map(rows.map((row) => [row.name, { id: row.id, label: row.label, isLive: row.is_live }]));
}

async function readGroups(
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

async function readUsers(
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

async function readEmailKeys(em: SqlEntityManager, users: readonly DjangoUser[]): Promise<Map<string, string[]>> {
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

/** Users by id, of whom no record of the dump speaks. What they hold is not looked at. */
export function readUsersById(
  em: SqlEntityManager,
  apiId: string,
  ids: readonly string[],
): Promise<Map<string, ExistingUser>> {
  return readUsers(em, apiId, () => new Set(), ids);
}

/** By the edit log: the last word on a user's activity was not an import's. */
async function readDeactivated(em: SqlEntityManager, ids: readonly string[]): Promise<Set<string>> {
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
