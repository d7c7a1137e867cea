import { randomUUIDv7 } from 'node:crypto';
import { LockMode, raw } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { portOf } from '../platform/database/index.ts';
import { Group, Principal } from './entities.ts';

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

/** How rights have changed: who may do more or less, and where. */
export interface RightsChange {
  /** `removed`: what tokens say may be too much from now on; `added`: it may be too little. */
  readonly kind: 'added' | 'removed';
  /** Ids of the APIs; null for every one. */
  readonly apis: readonly string[] | null;
}

/** Whose: these principals', those of every member of a group, which is locked, or everybody's. */
export type Affected =
  | { readonly principals: readonly string[] }
  | { readonly group: string }
  /** Whoever has anything there, at this moment: the API goes. */
  | { readonly everybody: Date };

/** Port: tokens that were issued say what was right until now. In the transaction of the change. */
export type RightsChanged = (tx: SqlEntityManager, who: Affected, change: RightsChange) => Promise<void>;

/**
 * Says that what these principals may do has changed: every computation at a lower version is stale from the end of this
 * transaction on. Every verb of this wing that changes rights ends here.
 */
export async function rightsChanged(
  tx: SqlEntityManager,
  principals: readonly string[],
  change: RightsChange,
): Promise<void> {
  await principalsChanged(tx, principals);
  if (principals.length > 0) await portOf<RightsChanged>(tx, 'rightsChanged')(tx, { principals }, change);
}

/** Says that what is known of these principals has changed, though not what they may do. */
export async function principalsChanged(tx: SqlEntityManager, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await lockPrincipals(tx, ids);
  await tx.nativeUpdate(Principal, { id: { $in: [...ids] } }, { permsVersion: raw('perms_version + 1') });
}

/** As `rightsChanged` for every member of a group, whose row is locked: one statement, however many they are. */
export async function groupRightsChanged(tx: SqlEntityManager, group: string, change: RightsChange): Promise<void> {
  await tx.execute(
    `with held as materialized (
       select p.id from access_principal p join access_group_member m on m.principal_id = p.id
       where m.group_id = ? order by p.id for update of p
     ) update access_principal p set perms_version = p.perms_version + 1 from held where p.id = held.id`,
    [group],
  );
  await portOf<RightsChanged>(tx, 'rightsChanged')(tx, { group }, change);
}

/** Says that an API goes, and with it whatever was said about anybody's rights there. */
export async function apiEnded(tx: SqlEntityManager, apiId: string, at: Date): Promise<void> {
  await portOf<RightsChanged>(tx, 'rightsChanged')(tx, { everybody: at }, { kind: 'removed', apis: [apiId] });
}

/** The APIs that a group's permissions are of. */
export async function apisOfGroup(em: SqlEntityManager, group: string): Promise<string[]> {
  const rows = await em.execute<{ id: string }[]>(
    `select distinct q.api_id as id from access_group_permission g join access_permission q on q.id = g.permission_id where g.group_id = ?`,
    [group],
  );
  return rows.map((row) => row.id);
}

/**
 * Holds a group's row until the end of the transaction. Whoever changes its members or its permissions does: otherwise a new
 * member and a new permission, written at the same moment, could miss each other, and the member's version with them.
 */
export async function lockGroup(tx: SqlEntityManager, groupId: string): Promise<void> {
  await tx.findOneOrFail(Group, groupId, { refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE });
}

/** Holds principals' rows until the end of the transaction, always in one order, so that two that want the same do not deadlock. */
export async function lockPrincipals(tx: SqlEntityManager, ids: readonly string[]): Promise<void> {
  const options = { refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } } as const;
  await tx.find(Principal, { id: { $in: [...ids] } }, options);
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
