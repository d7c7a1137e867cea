import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Api, lockApis, type PermissionCache } from '../../permissions/index.ts';
import { Failure } from '../../platform/errors.ts';

/*
 * An ID token is of `typ` JWT, signed by the keys of access tokens. Where it says permissions, an API that takes access tokens of
 * `typ` JWT would have nothing but the audience to tell the two apart (RFC 9068 §4, RFC 8725 §3.11): no client has both.
 */

/** In the transaction of a change of a client, after it was written. Failure (conflict): an API of it takes tokens of `typ` JWT. */
export async function requireDistinctIdTokens(
  tx: SqlEntityManager,
  client: { readonly id: string; readonly name: string; readonly settings: { readonly permissionsIn?: string } },
): Promise<void> {
  if (client.settings.permissionsIn !== 'id_token') return;
  const apis = await tx.execute<{ id: string }[]>('select api_id as id from oauth_client_api where client_id = ?', [
    client.id,
  ]);
  // An API that becomes one of `typ` JWT at the same moment waits, or was first.
  const ids = [...new Set(apis.map((one) => one.id))];
  await lockApis(tx, ids, 'reads');
  const [found] = await tx.execute<{ audience: string }[]>(
    `select a.audience from oauth_client_api x join permissions_api a on a.id = x.api_id where x.client_id = ? and a.typ = 'JWT' order by 1 limit 1`,
    [client.id],
  );
  if (found) throw mixed(client.name, found.audience);
}

/** Port of `access`: an API, whose row is locked, is to take tokens of `typ` JWT. Failure (conflict): a client of it has permissions in its ID tokens. */
export async function requireNoPermissionsInIdTokens(
  tx: SqlEntityManager,
  api: Pick<Api, 'id' | 'audience'>,
): Promise<void> {
  const [found] = await tx.execute<{ name: string }[]>(
    `select c.name from oauth_client_api x join oauth_client c on c.id = x.client_id
     where x.api_id = ? and c.settings->>'permissionsIn' = 'id_token' order by c.name_key collate "C" limit 1`,
    [api.id],
  );
  if (found) throw mixed(found.name, api.audience);
}

/** Whether an API that a client asks for, or serves, takes tokens of `typ` JWT now. */
export async function isAnyOfTypJwt(
  access: Pick<PermissionCache, 'apiById'>,
  { requests, serves }: { readonly requests: readonly string[]; readonly serves: readonly string[] },
): Promise<boolean> {
  const apis = await Promise.all([...new Set([...requests, ...serves])].map((id) => access.apiById(id)));
  return apis.some((one) => one?.typ === 'JWT');
}

function mixed(client: string, audience: string): Failure {
  return new Failure(
    'conflict',
    `The client "${client}" has permissions in its ID tokens (--permissions-in id_token), and its API ${audience} takes tokens of typ JWT, which those are too: only the audience would tell them apart. Use --permissions-in userinfo, or --typ at+jwt.`,
  );
}
