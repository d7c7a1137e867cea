import type { SqlEntityManager } from '@mikro-orm/sql';
import type { ClientApi } from '../entities.ts';

/** A client that asks tokens for an API, or serves it. */
export interface ClientOfApi {
  readonly clientId: string;
  readonly name: string;
  readonly role: ClientApi['role'];
}

/** The clients of an API, by name. */
export function clientsOfApi(em: SqlEntityManager, apiId: string): Promise<ClientOfApi[]> {
  return em.execute<ClientOfApi[]>(
    `select c.client_id as "clientId", c.name, x.role from oauth_client_api x join oauth_client c on c.id = x.client_id
     where x.api_id = ? order by c.name_key collate "C", x.role collate "C"`,
    [apiId],
  );
}
