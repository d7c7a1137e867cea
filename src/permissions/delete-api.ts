import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChange } from '../audit/index.ts';
import { Failure } from '../platform/errors.ts';
import { catalogueChanged } from './catalogue.ts';
import { Api } from './entities.ts';
import { bumpHolders } from './invalidate.ts';
import { apiEnded } from './principal.ts';

/** What goes when an API goes. */
export interface ApiContents {
  readonly models: number;
  readonly permissions: number;
  /** Users, clients and groups that were given permissions of it directly: rows. */
  readonly assignments: { readonly users: number; readonly clients: number; readonly groups: number };
  /** Flags at it. */
  readonly roles: number;
  /** Users and clients that may do less afterwards, each once. */
  readonly holders: number;
}

/**
 * Port: what rooms above keep about an API by its audience, such as imports, goes in the same transaction. (What refers to it by
 * a foreign key goes by itself.)
 */
export type ApiDeleted = (tx: SqlEntityManager, api: Api) => Promise<void>;

export async function contentsOfApi(em: SqlEntityManager, apiId: string): Promise<ApiContents> {
  const live =
    'join permissions_permission q on q.id = x.permission_id where q.removed_version is null and q.api_id = ?';
  const given = (kind: string) =>
    `(select count(*)::int from permissions_assignment x join permissions_principal p on p.id = x.principal_id and p.kind = '${kind}' ${live})`;
  const [row] = await em.execute<Record<string, number>[]>(
    `select (select count(*)::int from permissions_model where api_id = ?) as models,
       (select count(*)::int from permissions_permission where removed_version is null and api_id = ?) as permissions,
       ${given('user')} as users, ${given('client')} as clients,
       (select count(*)::int from permissions_group_permission x ${live}) as groups,
       (select count(*)::int from permissions_role where api_id = ?) as roles,
       (select count(*)::int from (${touched}) t) as holders`,
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

/** Everyone who may do something there, directly, by a group or by a flag. */
const touched = `select x.principal_id as id from permissions_assignment x join permissions_permission q on q.id = x.permission_id where q.api_id = ?
  union select m.principal_id from permissions_group_permission g join permissions_permission q on q.id = g.permission_id
    join permissions_group_member m on m.group_id = g.group_id where q.api_id = ?
  union select principal_id from permissions_role where api_id = ?`;

/**
 * Deletes an API with its catalogue and everything that was given of it. Its tokens are refused from then on. Failure: it is
 * Signet's own, or was deleted meanwhile.
 */
export function deleteApi(
  em: SqlEntityManager,
  audit: AuditContext,
  of: Pick<Api, 'id'>,
  deleted: ApiDeleted,
): Promise<ApiContents> {
  return em.transactional(async (tx) => {
    const options = { refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE } as const;
    const api = await tx.findOne(Api, { id: of.id }, options);
    if (!api) throw new Failure('notFound', 'Somebody else deleted this API meanwhile.');
    if (api.isBuiltin)
      throw new Failure('conflict', "That is Signet's own API: it guards the administration and cannot be deleted.");
    const contents = await contentsOfApi(tx, api.id);
    await bumpHolders(tx, { sql: touched, values: [api.id, api.id, api.id] }, api.id);
    // One statement, however many tokens there are: nobody waits for an API that goes.
    await apiEnded(tx, api.id, audit.at);
    await deleted(tx, api);
    const { audience, name } = api;
    const object = { kind: 'api', id: api.id, label: audience };
    recordChange(tx, audit, { action: 'delete', object, before: { audience, name, ...contents } });
    await tx.nativeDelete(Api, { id: api.id });
    await tx.flush();
    await catalogueChanged(tx);
    return contents;
  });
}
