import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Api } from '../../access/index.ts';
import { foldName } from '../../platform/fold.ts';
import type { DjangoDump, DjangoUser } from './django/records.ts';
import { addForgotten, anyId, anyText, type Known, type Ours, readKnown, readOurs } from './known.ts';
import { inBatches } from './turns.ts';

export interface ByKind<T> {
  readonly permission: ReadonlyMap<string, T>;
  readonly group: ReadonlyMap<string, T>;
  readonly user: ReadonlyMap<string, T>;
}

export interface PresentPermission {
  readonly id: string;
  readonly label: string;
  readonly isLive: boolean;
}

export interface PresentGroup {
  readonly id: string;
  readonly name: string;
  /** Names of the permissions that it holds at the API. */
  readonly permissions: ReadonlySet<string>;
}

export interface PresentUser {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly isActive: boolean;
  /** Of the API or everywhere. */
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
  readonly hasNewPassword: boolean;
  readonly attributes: Record<string, unknown>;
  /** Ids. */
  readonly groups: ReadonlySet<string>;
  /** Names of what was given directly at the API. */
  readonly permissions: ReadonlySet<string>;
}

/** What Signet has, as far as it can meet the dump. */
export interface Present {
  /** Permissions of the API by name; a removed one only where no live one has its name. */
  readonly permissions: ReadonlyMap<string, PresentPermission>;
  /** What earlier runs of this source made of the dump's records, by key. */
  readonly known: ByKind<Known>;
  /** What they made of what has the names of the dump's records, by local id. */
  readonly ours: ByKind<Ours>;
  readonly groups: Map<string, PresentGroup>;
  readonly groupIds: Map<string, string>;
  readonly users: Map<string, PresentUser>;
  readonly userIds: Map<string, string>;
  /** Folded addresses of the dump, and usernames that look like one, that are the address of a user of Signet. */
  readonly emailKeys: Set<string>;
}

/** No API has this id. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** Reads it in a few statements for each batch of records, so that requests are served between. */
export async function readPresent(
  em: SqlEntityManager,
  api: Api | null,
  audience: string,
  dump: DjangoDump,
): Promise<Present> {
  const apiId = api?.id ?? NOBODY;
  const known = {
    permission: await readKnown(em, audience, 'permission', dump.permissions.records),
    group: await readKnown(em, audience, 'group', dump.groups.records),
    user: await readKnown(em, audience, 'user', dump.users.records),
  };
  await addForgotten(em, audience, dump.users.records, known.user);
  const groupIds = await idsByKey(
    em,
    'access_group',
    'name_key',
    dump.groups.records.map((one) => foldName(one.name)),
  );
  const userIds = await idsByKey(
    em,
    'identity_user',
    'username_key',
    dump.users.records.map((one) => foldName(one.username)),
  );
  const permissions = await readPermissions(em, apiId);
  const namesOf = namesById(permissions);
  const permissionIds = new Map(
    dump.permissions.records.flatMap(({ name }) => [[name, permissions.get(name)?.id] as const].filter(hasId)),
  );
  const idsOf = (kind: 'group' | 'user', ids: Map<string, string>) => [
    ...new Set([...[...known[kind].values()].map((one) => one.localId), ...ids.values()]),
  ];
  return {
    permissions,
    known,
    ours: {
      permission: await readOurs(em, audience, 'permission', permissionIds),
      group: await readOurs(em, audience, 'group', groupIds),
      user: await readOurs(em, audience, 'user', userIds),
    },
    groups: await readGroups(em, namesOf, idsOf('group', groupIds)),
    groupIds,
    users: await readUsers(em, apiId, namesOf, idsOf('user', userIds)),
    userIds,
    emailKeys: await readEmailKeys(em, dump.users.records),
  };
}

type NamesOf = (ids: readonly string[]) => Set<string>;

/** Of ids of permissions, the names of those that are live at the API. */
function namesById(permissions: ReadonlyMap<string, PresentPermission>): NamesOf {
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

async function readPermissions(em: SqlEntityManager, apiId: string): Promise<Map<string, PresentPermission>> {
  const rows = await em.execute<{ id: string; name: string; label: string; is_live: boolean }[]>(
    'select id, name, label, removed_version is null as is_live from access_permission where api_id = ? order by is_live, index',
    [apiId],
  );
  return new Map(rows.map((row) => [row.name, { id: row.id, label: row.label, isLive: row.is_live }]));
}

async function readGroups(
  em: SqlEntityManager,
  namesOf: NamesOf,
  ids: readonly string[],
): Promise<Map<string, PresentGroup>> {
  const groups = new Map<string, PresentGroup>();
  await inBatches(ids, async (batch) => {
    const rows = await em.execute<{ id: string; name: string; permissions: string[] }[]>(
      `select g.id, g.name, array(select h.permission_id::text from access_group_permission h where h.group_id = g.id) as permissions
       from access_group g where g.id = ${anyId}`,
      [JSON.stringify(batch)],
    );
    for (const row of rows) groups.set(row.id, { id: row.id, name: row.name, permissions: namesOf(row.permissions) });
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
  password_epoch: number;
  attributes: string;
  groups: string[];
  permissions: string[];
}

async function readUsers(
  em: SqlEntityManager,
  apiId: string,
  namesOf: NamesOf,
  ids: readonly string[],
): Promise<Map<string, PresentUser>> {
  const users = new Map<string, PresentUser>();
  await inBatches(ids, async (batch) => {
    const rows = await em.execute<UserRow[]>(
      `select u.id, u.username, u.email, u.first_name, u.last_name, u.is_active, u.password_epoch::int as password_epoch,
         u.is_staff or coalesce(r.is_staff, false) as is_staff, u.is_superuser or coalesce(r.is_superuser, false) as is_superuser,
         u.attributes::text as attributes, array(select m.group_id::text from access_group_member m where m.principal_id = u.id) as groups,
         array(select a.permission_id::text from access_assignment a where a.principal_id = u.id) as permissions
       from identity_user u left join access_role r on r.principal_id = u.id and r.api_id = ?
       where u.deleted_at is null and u.id = ${anyId}`,
      [apiId, JSON.stringify(batch)],
    );
    for (const row of rows) users.set(row.id, userOf(row, namesOf));
  });
  return users;
}

function userOf(row: UserRow, namesOf: NamesOf): PresentUser {
  return {
    id: row.id,
    username: row.username,
    email: row.email,
    firstName: row.first_name,
    lastName: row.last_name,
    isActive: row.is_active,
    isStaff: row.is_staff,
    isSuperuser: row.is_superuser,
    hasNewPassword: row.password_epoch > 1,
    attributes: JSON.parse(row.attributes) as Record<string, unknown>,
    groups: new Set(row.groups),
    permissions: namesOf(row.permissions),
  };
}

async function readEmailKeys(em: SqlEntityManager, users: readonly DjangoUser[]): Promise<Set<string>> {
  const keys = users
    .flatMap((one) => [one.email, one.username])
    .filter((text) => text.includes('@'))
    .map(foldName);
  const found = new Set<string>();
  await inBatches(keys, async (batch) => {
    const rows = await em.execute<{ key: string }[]>(
      `select distinct email_key as key from identity_user where email_key = ${anyText}`,
      [JSON.stringify(batch)],
    );
    for (const row of rows) found.add(row.key);
  });
  return found;
}
