import type { SqlEntityManager } from '@mikro-orm/sql';
import { BATCH_THRESHOLD, type PrincipalQuery, queueFanOut } from './fan-out.ts';
import { bumpPrincipals, invalidateNow, type RightsChange } from './principal.ts';

/**
 * Invalidates the cached rights and the tokens of these principals from the end of this transaction. Every verb of this room that changes
 * rights ends here or at `invalidateRightsByQuery`.
 */
export async function invalidateRights(
  tx: SqlEntityManager,
  principals: readonly string[],
  change: RightsChange,
): Promise<void> {
  if (principals.length <= BATCH_THRESHOLD) await invalidateNow(tx, principals, change);
  else await queueFanOut(tx, { sql: ID_LIST, values: [JSON.stringify(principals)] }, change, null);
}

const ID_LIST = 'select distinct value::uuid as id from jsonb_array_elements_text(?::jsonb)';

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
  const ids = await readIdsBelowThreshold(tx, principals);
  if (ids) await invalidateNow(tx, ids, change);
  else await queueFanOut(tx, principals, change, apisToBump);
}

/** Invalidates the cached rights of all principals with a permission at an API that is being deleted; `notifyApiDeleted` ends their tokens for it. */
export async function bumpApiPrincipals(
  tx: SqlEntityManager,
  principals: PrincipalQuery,
  apiId: string,
): Promise<void> {
  const ids = await readIdsBelowThreshold(tx, principals);
  if (ids) await bumpPrincipals(tx, ids);
  else await queueFanOut(tx, principals, { kind: 'removed', apis: [apiId] }, []);
}

/** Returns null if there are too many for one transaction. */
async function readIdsBelowThreshold(tx: SqlEntityManager, { sql, values }: PrincipalQuery): Promise<string[] | null> {
  const rows = await tx.execute<{ id: string }[]>(`select id from (${sql}) t limit ${BATCH_THRESHOLD + 1}`, [
    ...values,
  ]);
  return rows.length > BATCH_THRESHOLD ? null : rows.map((row) => row.id);
}

/** The members of a group. The caller has locked its row. */
export function groupMembers(group: string): PrincipalQuery {
  return { sql: 'select principal_id as id from permissions_group_member where group_id = ?', values: [group] };
}

/** The principals with one of these permissions, directly or by a group. */
export function principalsWithPermissions(permissionIds: readonly string[]): PrincipalQuery {
  const ids = 'array(select jsonb_array_elements_text(?::jsonb)::uuid)';
  const list = JSON.stringify(permissionIds);
  const sql = `select principal_id as id from permissions_assignment where permission_id = any(${ids})
    union select m.principal_id from permissions_group_permission g join permissions_group_member m on m.group_id = g.group_id where g.permission_id = any(${ids})`;
  return { sql, values: [list, list] };
}

/** The superusers of one API. (Only `users` has global superusers; for one of those all names of the API are read when a token is issued.) */
export function superusersAt(apiId: string): PrincipalQuery {
  return { sql: 'select principal_id as id from permissions_role where api_id = ? and is_superuser', values: [apiId] };
}

export async function readSuperusers(em: SqlEntityManager, apiId: string): Promise<string[]> {
  const { sql, values } = superusersAt(apiId);
  return (await em.execute<{ id: string }[]>(sql, [...values])).map((row) => row.id);
}

/** Returns the ids of the APIs to which a group's permissions belong. */
export async function readGroupApis(em: SqlEntityManager, group: string): Promise<string[]> {
  const rows = await em.execute<{ id: string }[]>(
    `select distinct q.api_id as id from permissions_group_permission g join permissions_permission q on q.id = g.permission_id where g.group_id = ?`,
    [group],
  );
  return rows.map((row) => row.id);
}
