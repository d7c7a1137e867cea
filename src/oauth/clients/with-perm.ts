import type { SqlEntityManager } from '@mikro-orm/sql';
import { type PermissionRef, type PermSource, principalsWithPerm, readPermSources } from '../../permissions/index.ts';
import { Client } from '../entities.ts';

export interface ClientWithPerm {
  readonly client: Client;
  readonly sources: readonly PermSource[];
}

/** The clients that hold a permission themselves, by name: operators give it to each, so there are few. */
export async function clientsWithPerm(
  em: SqlEntityManager,
  asked: PermissionRef,
  withInactive: boolean,
  now: Date,
): Promise<ClientWithPerm[]> {
  // Never a superuser.
  const { sql, values } = principalsWithPerm(asked, now, false);
  const holders = await em.execute<{ id: string }[]>(
    `select c.id from oauth_client c where (c.is_active or ?) and c.id in (${sql})`,
    [withInactive, ...values],
  );
  const ids = holders.map((one) => one.id);
  const clients = await em.find(Client, { id: { $in: ids } }, { orderBy: { nameKey: 'asc' } });
  const sources = await readPermSources(em, asked, ids, now);
  return clients.map((client) => ({ client, sources: sources.get(client.id) ?? [] }));
}
