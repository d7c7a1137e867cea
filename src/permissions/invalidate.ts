import type { SqlEntityManager } from '@mikro-orm/sql';
import { BATCH_THRESHOLD, type PrincipalQuery, queueFanOut } from './fan-out.ts';
import { bumpAndNotify, bumpPrincipals, type RightsChange } from './principal.ts';

/**
 * Invalidates the cached rights and the tokens of these principals from the end of this transaction. Every verb of this room that changes
 * rights ends here or at `invalidateRightsByQuery`.
 */
export async function invalidateRights(
  tx: SqlEntityManager,
  principals: readonly string[],
  change: RightsChange,
): Promise<void> {
  if (principals.length <= BATCH_THRESHOLD) await bumpAndNotify(tx, principals, change);
  else await queueFanOut(tx, { sql: LISTED, values: [JSON.stringify(principals)] }, change, null);
}

const LISTED = 'select distinct value::uuid as id from jsonb_array_elements_text(?::jsonb)';

/**
 * The same for the principals that a query finds. `apisToBump`: the APIs whose version grows when they are many, null for all; none where
 * the transaction changes the API itself.
 */
export async function invalidateRightsByQuery(
  tx: SqlEntityManager,
  principals: PrincipalQuery,
  change: RightsChange,
  apisToBump = change.apis,
): Promise<void> {
  const few = await readFew(tx, principals);
  if (few) await bumpAndNotify(tx, few, change);
  else await queueFanOut(tx, principals, change, apisToBump);
}

/** Invalidates the cached rights of everyone who has a permission at an API that is being deleted; their tokens for it end by themselves. */
export async function bumpHolders(tx: SqlEntityManager, principals: PrincipalQuery, apiId: string): Promise<void> {
  const few = await readFew(tx, principals);
  if (few) await bumpPrincipals(tx, few);
  else await queueFanOut(tx, principals, { kind: 'removed', apis: [apiId] }, []);
}

/** Returns null when they are too many for one transaction. */
async function readFew(tx: SqlEntityManager, { sql, values }: PrincipalQuery): Promise<string[] | null> {
  const rows = await tx.execute<{ id: string }[]>(`select id from (${sql}) t limit ${BATCH_THRESHOLD + 1}`, [
    ...values,
  ]);
  return rows.length > BATCH_THRESHOLD ? null : rows.map((row) => row.id);
}

/** The members of a group, whose row is locked. */
export function groupMembers(group: string): PrincipalQuery {
  return { sql: 'select principal_id as id from permissions_group_member where group_id = ?', values: [group] };
}

/** Everyone who holds one of these permissions, directly or by a group. */
export function permissionHolders(permissionIds: readonly string[]): PrincipalQuery {
  const ids = 'array(select jsonb_array_elements_text(?::jsonb)::uuid)';
  const given = JSON.stringify(permissionIds);
  const sql = `select principal_id as id from permissions_assignment where permission_id = any(${ids})
    union select m.principal_id from permissions_group_permission g join permissions_group_member m on m.group_id = g.group_id where g.permission_id = any(${ids})`;
  return { sql, values: [given, given] };
}

/** The superusers of one API. (A global superuser is known to `identity` only; minting reads all of the API's names for one.) */
export function superusersAt(apiId: string): PrincipalQuery {
  return { sql: 'select principal_id as id from permissions_role where api_id = ? and is_superuser', values: [apiId] };
}

export async function readSuperusers(em: SqlEntityManager, apiId: string): Promise<string[]> {
  const { sql, values } = superusersAt(apiId);
  return (await em.execute<{ id: string }[]>(sql, [...values])).map((row) => row.id);
}

/** The APIs that a group's permissions are of. */
export async function apisOfGroup(em: SqlEntityManager, group: string): Promise<string[]> {
  const rows = await em.execute<{ id: string }[]>(
    `select distinct q.api_id as id from permissions_group_permission g join permissions_permission q on q.id = g.permission_id where g.group_id = ?`,
    [group],
  );
  return rows.map((row) => row.id);
}
