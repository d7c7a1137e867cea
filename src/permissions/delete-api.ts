import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChange } from '../audit/index.ts';
import { announceCatalogueChange } from './catalogue.ts';
import { Api } from './entities.ts';
import { permissionError } from './errors.ts';
import { bumpApiPrincipals } from './invalidate.ts';
import { notifyApiDeleted } from './principal.ts';

/** The rows that are deleted with an API. */
export interface ApiContents {
  readonly models: number;
  readonly permissions: number;
  /** Rows of direct assignments to users, clients and groups. */
  readonly assignments: { readonly users: number; readonly clients: number; readonly groups: number };
  /** Rows of flags at the API. */
  readonly roles: number;
  /** Distinct users and clients that lose rights. */
  readonly holders: number;
}

/**
 * Port: rooms above delete their rows that name an API by its audience, such as imports, in the same transaction. (Rows with a foreign
 * key are deleted by the database.)
 */
export type OnApiDeleted = (tx: SqlEntityManager, api: Api) => Promise<void>;

export async function readApiContents(em: SqlEntityManager, apiId: string): Promise<ApiContents> {
  const live =
    'join permissions_permission q on q.id = x.permission_id where q.removed_version is null and q.api_id = ?';
  const assignments = (kind: string) =>
    `(select count(*)::int from permissions_assignment x join permissions_principal p on p.id = x.principal_id and p.kind = '${kind}' ${live})`;
  const [row] = await em.execute<Record<string, number>[]>(
    `select (select count(*)::int from permissions_model where api_id = ?) as models,
       (select count(*)::int from permissions_permission where removed_version is null and api_id = ?) as permissions,
       ${assignments('user')} as users, ${assignments('client')} as clients,
       (select count(*)::int from permissions_group_permission x ${live}) as groups,
       (select count(*)::int from permissions_role where api_id = ?) as roles,
       (select count(*)::int from (${apiPrincipals}) t) as holders`,
    Array.from({ length: 9 }, () => apiId),
  );
  const count = (name: string) => row?.[name] ?? 0;
  return {
    models: count('models'),
    permissions: count('permissions'),
    assignments: { users: count('users'), clients: count('clients'), groups: count('groups') },
    roles: count('roles'),
    holders: count('holders'),
  };
}

/** The principals with a right at an API, directly, by a group or by a flag. */
const apiPrincipals = `select x.principal_id as id from permissions_assignment x join permissions_permission q on q.id = x.permission_id where q.api_id = ?
  union select m.principal_id from permissions_group_permission g join permissions_permission q on q.id = g.permission_id
    join permissions_group_member m on m.group_id = g.group_id where q.api_id = ?
  union select principal_id from permissions_role where api_id = ?`;

/**
 * Deletes an API with its catalogue and assignments. Its tokens are refused from then on. Throws DomainError if it is Signet's own API or
 * was deleted concurrently.
 */
export function deleteApi(
  em: SqlEntityManager,
  audit: AuditContext,
  { id }: Pick<Api, 'id'>,
  onDeleted: OnApiDeleted,
): Promise<ApiContents> {
  return em.transactional(async (tx) => {
    const options = { refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE } as const;
    const api = await tx.findOne(Api, { id }, options);
    if (!api) throw permissionError('api_deleted_meanwhile');
    if (api.isBuiltin) throw permissionError('api_own_undeletable');
    const contents = await readApiContents(tx, api.id);
    await bumpApiPrincipals(tx, { sql: apiPrincipals, values: [api.id, api.id, api.id] }, api.id);
    // One statement for any number of tokens: no request waits for the row of a deleted API.
    await notifyApiDeleted(tx, api.id, audit.at);
    await onDeleted(tx, api);
    const { audience, name } = api;
    const object = { kind: 'api', id: api.id, label: audience };
    recordChange(tx, audit, { action: 'delete', object, before: { audience, name, ...contents } });
    await tx.nativeDelete(Api, { id: api.id });
    await tx.flush();
    await announceCatalogueChange(tx);
    return contents;
  });
}
