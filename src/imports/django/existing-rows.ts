import type { SqlEntityManager } from '@mikro-orm/sql';
import { auditEntryView } from '../../audit/index.ts';
import { livePermission, permissionView, readGroupSnapshots } from '../../permissions/index.ts';
import { casefoldName } from '../../platform/casefold.ts';
import { anyText } from '../../platform/database/index.ts';
import { readUserSnapshots, type UserSnapshot, userView } from '../../users/index.ts';
import { inBatches } from './batches.ts';
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

export type PermissionNames = (ids: readonly string[]) => Set<string>;

/** Returns a function from permission ids to the names of those that are live at the API. */
export function namesById(permissions: ReadonlyMap<string, ExistingPermission>): PermissionNames {
  const names = new Map([...permissions].flatMap(([name, { id, isLive }]) => (isLive ? [[id, name] as const] : [])));
  return (ids) => new Set(ids.flatMap((id) => names.get(id) ?? []));
}

export function hasId(pair: readonly [string, string | undefined]): pair is readonly [string, string] {
  return pair[1] !== undefined;
}

/** Returns ids by folded name, from the view of users or groups and its column of that name. */
export async function idsByKey(
  em: SqlEntityManager,
  view: (alias: string) => string,
  column: string,
  keys: readonly string[],
): Promise<Map<string, string>> {
  const ids = new Map<string, string>();
  await inBatches(keys, async (batch) => {
    const rows = await em.execute<{ id: string; key: string }[]>(
      `select t.id, t.${column} as key from ${view('t')} where t.${column} = ${anyText}`,
      [JSON.stringify(batch)],
    );
    for (const row of rows) ids.set(row.key, row.id);
  });
  return ids;
}

export async function readPermissions(em: SqlEntityManager, apiId: string): Promise<Map<string, ExistingPermission>> {
  const rows = await em.execute<{ id: string; name: string; label: string; is_live: boolean }[]>(
    `select q.id, q.name, q.label, ${livePermission()} as is_live from ${permissionView('q')} where q.api_id = ? order by is_live, q.index`,
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
    for (const { id, name, fingerprint, permissions } of await readGroupSnapshots(em, batch))
      groups.set(id, { id, name, fingerprint, permissions: permissionNamesById(permissions) });
  });
  return groups;
}

export async function readUsers(
  em: SqlEntityManager,
  apiId: string,
  permissionNamesById: PermissionNames,
  ids: readonly string[],
): Promise<Map<string, ExistingUser>> {
  const users = new Map<string, ExistingUser>();
  await inBatches(ids, async (batch) => {
    for (const one of await readUserSnapshots(em, apiId, batch))
      users.set(one.id, toExistingUser(one, permissionNamesById));
  });
  return users;
}

function toExistingUser(
  { isStaff, isSuperuser, groups, permissions, ...user }: UserSnapshot,
  permissionNamesById: PermissionNames,
): ExistingUser {
  return {
    ...user,
    isStaff: isStaff || (user.role?.isStaff ?? false),
    isSuperuser: isSuperuser || (user.role?.isSuperuser ?? false),
    own: { isStaff, isSuperuser },
    groups: new Set(groups),
    permissions: permissionNamesById(permissions),
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
      `select u.id, u.email_key as key from ${userView('u')} where u.email_key = ${anyText}`,
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
         select distinct on (e.object_id) e.object_id as id, e.action from ${auditEntryView('e')}
         where e.object_kind = 'user' and e.object_id = ${anyText} and jsonb_exists(e."after", 'isActive') order by e.object_id, e.id desc
       ) last where action <> 'import'`,
      [JSON.stringify(batch)],
    );
    for (const { id } of rows) found.add(id);
  });
  return found;
}
