import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Api, groupView } from '../../permissions/index.ts';
import { casefoldName } from '../../platform/casefold.ts';
import { userView } from '../../users/index.ts';
import {
  type ExistingGroup,
  type ExistingPermission,
  type ExistingUser,
  hasId,
  idsByKey,
  namesById,
  readDeactivated,
  readEmailKeys,
  readGroups,
  readPermissions,
  readUsers,
} from './existing-rows.ts';
import { type ImportLog, readImportLog } from './import-log.ts';
import type { ImportedUser } from './imported-values.ts';
import { addDeletedUsers, type PreviousImport, readPreviousById, readPreviousImports } from './previous-imports.ts';
import type { DjangoDump } from './reader/records.ts';

export interface ByKind<T> {
  readonly permission: ReadonlyMap<string, T>;
  readonly group: ReadonlyMap<string, T>;
  readonly user: ReadonlyMap<string, T>;
}

/** The rows of Signet that the dump may refer to. */
export interface Existing {
  /** Permissions of the API by name; a removed one only if no live one has its name. */
  readonly permissions: ReadonlyMap<string, ExistingPermission>;
  /** Previous imports of the dump's records from this source, by key. */
  readonly previousByKey: ByKind<PreviousImport>;
  /** The edit log's values of records that were imported by an earlier version. */
  readonly log: ImportLog;
  /** Previous imports of local objects with the names of the dump's records, by local id. */
  readonly previousById: ByKind<PreviousImport>;
  readonly groups: Map<string, ExistingGroup>;
  /** Ids by folded name. */
  readonly groupIds: Map<string, string>;
  readonly users: Map<string, ExistingUser>;
  /** Ids by folded name. */
  readonly userIds: Map<string, string>;
  /** Ids of existing users by folded address, for addresses and address-like usernames of the dump. */
  readonly emailKeys: ReadonlyMap<string, readonly string[]>;
  /** Ids of inactive users who were deactivated in Signet. */
  readonly deactivatedLocally: ReadonlySet<string>;
}

/** No API has this id. */
const NO_API = '00000000-0000-0000-0000-000000000000';

/** Reads the rows in a few statements for each batch of records, between which other requests run. */
export async function readExisting(
  em: SqlEntityManager,
  api: Api | null,
  audience: string,
  dump: DjangoDump,
): Promise<Existing> {
  const apiId = api?.id ?? NO_API;
  const previousByKey = await readPreviousByKey(em, audience, dump);
  const groupNames = dump.groups.records.map((one) => casefoldName(one.name));
  const groupIds = await idsByKey(em, groupView, 'name_key', groupNames);
  const usernames = dump.users.records.map((one) => casefoldName(one.username));
  const userIds = await idsByKey(em, userView, 'username_key', usernames);
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
  const inactiveIds = [...users.values()].filter((one) => !one.isActive).map((one) => one.id);
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
    deactivatedLocally: await readDeactivated(em, inactiveIds),
  };
}

async function readPreviousByKey(em: SqlEntityManager, audience: string, dump: DjangoDump) {
  const groups = [...dump.groups.records, ...dump.groups.refused];
  const users = [...dump.userKeys].map((key) => ({ key }));
  const previousByKey = {
    permission: await readPreviousImports(em, audience, 'permission', dump.permissions.records),
    group: await readPreviousImports(em, audience, 'group', groups),
    user: await readPreviousImports(em, audience, 'user', users),
  };
  await addDeletedUsers(em, audience, dump.users.records, previousByKey.user);
  return previousByKey;
}
