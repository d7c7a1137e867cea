import type { SqlEntityManager } from '@mikro-orm/sql';
import {
  Api,
  bumpPrincipals,
  type PermissionRef,
  type PermSource,
  principalsWithPerm,
  readPermSources,
} from '../../permissions/index.ts';
import { Consent } from '../authorization-entities.ts';
import { Client, ClientApi } from '../entities.ts';

/** A client that requests tokens for an API, or serves it. */
export interface ClientOfApi {
  readonly clientId: string;
  readonly name: string;
  readonly role: ClientApi['role'];
}

/** Returns the clients of an API, by name. */
export function clientsOfApi(em: SqlEntityManager, apiId: string): Promise<ClientOfApi[]> {
  return em.execute<ClientOfApi[]>(
    `select c.client_id as "clientId", c.name, x.role from oauth_client_api x join oauth_client c on c.id = x.client_id
     where x.api_id = ? order by c.name_key collate "C", x.role collate "C"`,
    [apiId],
  );
}

/**
 * Called when an API is deleted: gives a new version to its clients, which lose it, and deletes the consents for it,
 * which refer to the API without a foreign key.
 */
export async function detachClients(tx: SqlEntityManager, apiId: string): Promise<void> {
  await tx.nativeDelete(Consent, { api: apiId });
  const rows = await tx.find(ClientApi, { api: apiId });
  await bumpPrincipals(tx, [...new Set(rows.map((one) => one.client))].sort());
}

/** Whether a client, by its principal, serves an API. */
export async function isServedBy(em: SqlEntityManager, apiId: string, clientPrincipal: string): Promise<boolean> {
  const rows = await em.execute<unknown[]>(
    `select 1 from oauth_client_api where api_id = ? and client_id = ? and role = 'serves'`,
    [apiId, clientPrincipal],
  );
  return rows.length > 0;
}

/** Returns client ids (`c_…`) by principal. */
export async function readClientIds(em: SqlEntityManager, principals: readonly string[]): Promise<Map<string, string>> {
  const found = await em.find(Client, { id: { $in: [...principals] } });
  return new Map(found.map((one) => [one.id, one.clientId]));
}

/** Returns the APIs with these ids that still exist. */
export function apisById(em: SqlEntityManager, ids: readonly string[]): Promise<Api[]> {
  return em.find(Api, { id: { $in: [...ids] } }, { orderBy: { id: 'asc' } });
}

export interface ClientWithPerm {
  readonly client: Client;
  readonly sources: readonly PermSource[];
}

/** Returns the clients that have a permission themselves, by name. Operators assign it to each, so there are few. */
export async function clientsWithPerm(
  em: SqlEntityManager,
  permission: PermissionRef,
  withInactive: boolean,
  now: Date,
): Promise<ClientWithPerm[]> {
  // A client is never a superuser.
  const { sql, values } = principalsWithPerm(permission, now, false);
  const rows = await em.execute<{ id: string }[]>(
    `select c.id from oauth_client c where (c.is_active or ?) and c.id in (${sql})`,
    [withInactive, ...values],
  );
  const ids = rows.map((one) => one.id);
  const clients = await em.find(Client, { id: { $in: ids } }, { orderBy: { nameKey: 'asc' } });
  const sources = await readPermSources(em, permission, ids, now);
  return clients.map((client) => ({ client, sources: sources.get(client.id) ?? [] }));
}
