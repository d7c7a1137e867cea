import { randomUUIDv7 } from 'node:crypto';
import { raw } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { Principal } from './entities.ts';

/** All that this wing knows of a user or client: enough to answer what it may do. */
export interface Holder {
  readonly kind: 'user' | 'client';
  readonly id: string;
  readonly isActive: boolean;
  readonly isSuperuser: boolean;
}

/** Makes the row that a new user or client shares its id with. */
export function createPrincipal(em: SqlEntityManager, kind: Holder['kind']): string {
  const id = randomUUIDv7();
  em.persist(em.create(Principal, { id, kind }));
  return id;
}

/**
 * Says that what these principals may do has changed: every computation at a lower version is stale from the end of this
 * transaction on. Every verb of this wing that changes rights ends here.
 */
export async function rightsChanged(em: SqlEntityManager, principalIds: readonly string[]): Promise<void> {
  if (principalIds.length === 0) return;
  await em.nativeUpdate(Principal, { id: { $in: [...principalIds] } }, { permsVersion: raw('perms_version + 1') });
}

/** The same for every member of a group. */
export async function groupRightsChanged(em: SqlEntityManager, groupId: string): Promise<void> {
  await em.execute(
    'update access_principal set perms_version = perms_version + 1 where id in (select principal_id from access_group_member where group_id = ?)',
    [groupId],
  );
}

/** Everyone who holds one of these permissions, directly or by a group. */
export async function permissionHolders(em: SqlEntityManager, permissionIds: readonly string[]): Promise<string[]> {
  if (permissionIds.length === 0) return [];
  const marks = permissionIds.map(() => '?').join(', ');
  const rows = await em.execute<{ id: string }[]>(
    `select principal_id as id from access_assignment where permission_id in (${marks})
     union select m.principal_id from access_group_permission g join access_group_member m on m.group_id = g.group_id where g.permission_id in (${marks})`,
    [...permissionIds, ...permissionIds],
  );
  return rows.map((row) => row.id);
}

/** The superusers of one API. (A global superuser is known to `identity` only; minting reads all of the API's names for one.) */
export async function superusersOf(em: SqlEntityManager, apiId: string): Promise<string[]> {
  const rows = await em.execute<{ id: string }[]>(
    'select principal_id as id from access_role where api_id = ? and is_superuser',
    [apiId],
  );
  return rows.map((row) => row.id);
}
