import type { SqlEntityManager } from '@mikro-orm/sql';
import { Api, Permission } from '../../permissions/index.ts';
import { lastGrantUse, listGrants, type RefreshGrant } from '../../tokens/index.ts';
import { Consent } from '../authorization-entities.ts';
import { Client } from '../entities.ts';

/** What a client may do for a user. */
export interface AuthorizedClient {
  readonly client: Pick<Client, 'clientId' | 'name' | 'isFirstParty'>;
  readonly scopes: readonly string[];
  /** Consented permissions; empty for a first-party client, which needs no consent. */
  readonly permissions: readonly AuthorizedPermission[];
  readonly since: Date;
  /** When it last used a grant; null if it has none now. */
  readonly lastUsedAt: Date | null;
}

export interface AuthorizedPermission {
  readonly audience: string;
  readonly name: string;
  readonly label: string;
}

/** Lists the clients that a user has consented to, or that have a grant for the user, by name. */
export async function listAuthorizedClients(
  em: SqlEntityManager,
  user: string,
  now: Date,
): Promise<AuthorizedClient[]> {
  const consents = await em.find(Consent, { principal: user });
  const grants = await listGrants(em, { principal: user }, now);
  const ids = [...new Set([...consents, ...grants].map((one) => one.client))];
  const clients = await em.find(Client, { id: { $in: ids } }, { orderBy: { nameKey: 'asc' } });
  const allPermissions = await readPermissions(
    em,
    [...consents, ...grants].flatMap((one) => one.permissions ?? []),
  );
  return clients.map((client) => {
    const ownConsents = consents.filter((one) => one.client === client.id);
    const ownGrants = grants.filter((one) => one.client === client.id);
    const permissions = new Set([...ownConsents, ...ownGrants].flatMap((one) => one.permissions ?? []));
    return {
      client,
      scopes: [...new Set([...ownConsents.flatMap((one) => one.scopes), ...ownGrants.flatMap(grantScopes)])].sort(),
      permissions: allPermissions.filter((one) => permissions.has(one.id)).map(({ id: _, ...rest }) => rest),
      since: earliest([...ownConsents, ...ownGrants].map((one) => one.createdAt)),
      lastUsedAt: ownGrants.length === 0 ? null : latest(ownGrants.map(lastGrantUse)),
    };
  });
}

function grantScopes({ scope }: RefreshGrant): string[] {
  return scope?.split(' ') ?? [];
}

async function readPermissions(em: SqlEntityManager, ids: readonly string[]) {
  const permissions = await em.find(Permission, { id: { $in: [...new Set(ids)] }, removedVersion: null });
  const apis = await em.find(Api, { id: { $in: [...new Set(permissions.map((one) => one.api))] } });
  const audiences = new Map(apis.map((one) => [one.id, one.audience]));
  return permissions
    .map(({ id, api, name, label }) => ({ id, audience: audiences.get(api) ?? '', name, label }))
    .sort((a, b) => (`${a.audience} ${a.name}` < `${b.audience} ${b.name}` ? -1 : 1));
}

const earliest = (times: readonly Date[]) => new Date(Math.min(...times.map((one) => one.getTime())));
const latest = (times: readonly Date[]) => new Date(Math.max(...times.map((one) => one.getTime())));
