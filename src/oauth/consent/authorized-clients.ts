import type { SqlEntityManager } from '@mikro-orm/sql';
import { Api, Permission } from '../../permissions/index.ts';
import { lastGrantUse, listGrants, type RefreshGrant } from '../../tokens/index.ts';
import { Consent } from '../authorization-entities.ts';
import { Client } from '../entities.ts';

/** What a client may do for a user, and since when. */
export interface AuthorizedClient {
  readonly client: Pick<Client, 'clientId' | 'name' | 'isFirstParty'>;
  readonly scopes: readonly string[];
  /** What was agreed to; a first-party client was not asked for any. */
  readonly permissions: readonly AuthorizedPermission[];
  readonly since: Date;
  /** When it last fetched a token by what it holds; null when it holds nothing now. */
  readonly lastUsedAt: Date | null;
}

export interface AuthorizedPermission {
  readonly audience: string;
  readonly name: string;
  readonly label: string;
}

/** The clients that a user has agreed to, or that hold something for the user: by name. */
export async function listAuthorizedClients(
  em: SqlEntityManager,
  user: string,
  now: Date,
): Promise<AuthorizedClient[]> {
  const consents = await em.find(Consent, { principal: user });
  const grants = await listGrants(em, { principal: user }, now);
  const ids = [...new Set([...consents, ...grants].map((one) => one.client))];
  const clients = await em.find(Client, { id: { $in: ids } }, { orderBy: { nameKey: 'asc' } });
  const named = await readPermissions(
    em,
    [...consents, ...grants].flatMap((one) => one.permissions ?? []),
  );
  return clients.map((client) => {
    const agreed = consents.filter((one) => one.client === client.id);
    const held = grants.filter((one) => one.client === client.id);
    const permissions = new Set([...agreed, ...held].flatMap((one) => one.permissions ?? []));
    return {
      client,
      scopes: [...new Set([...agreed.flatMap((one) => one.scopes), ...held.flatMap(grantScopes)])].sort(),
      permissions: named.filter((one) => permissions.has(one.id)).map(({ id: _, ...rest }) => rest),
      since: earliest([...agreed, ...held].map((one) => one.createdAt)),
      lastUsedAt: held.length === 0 ? null : latest(held.map(lastGrantUse)),
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
