import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Api, audienceKey, lockApis, type PermissionCache } from '../../permissions/index.ts';
import { Failure } from '../../platform/errors.ts';
import type { Alg } from '../../tokens/index.ts';

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
  if (found) throw indistinctTokens(client.name, found.audience);
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
  if (found) throw indistinctTokens(found.name, api.audience);
}

/** Whether an API that a client asks for, or serves, takes tokens of `typ` JWT now. */
export async function hasJwtTypApi(
  access: Pick<PermissionCache, 'apiById'>,
  { requests, serves }: { readonly requests: readonly string[]; readonly serves: readonly string[] },
): Promise<boolean> {
  const apis = await Promise.all([...new Set([...requests, ...serves])].map((id) => access.apiById(id)));
  return apis.some((one) => one?.typ === 'JWT');
}

function indistinctTokens(client: string, audience: string): Failure {
  return new Failure(
    'conflict',
    `The client "${client}" has permissions in its ID tokens (--permissions-in id_token), and its API ${audience} takes tokens of typ JWT, which those are too: only the audience would tell them apart. Use --permissions-in userinfo, or --typ at+jwt.`,
  );
}

/*
 * Audiences and the ids of clients share one namespace, so that a token for an API can never be taken for one of a client. Ids that are
 * made here cannot be audiences; the address of a metadata document could be one.
 */

/** Port of `access`: an API is to have this audience. Failure (conflict): a client has that id. */
export async function requireNoClientId(em: SqlEntityManager, audience: string): Promise<void> {
  const key = audienceKey(audience);
  await lockName(em, key);
  const [found] = await em.execute<{ name: string }[]>('select name from oauth_client where client_id in (?, ?)', [
    key,
    `${key}/`,
  ]);
  if (found)
    throw new Failure(
      'conflict',
      `"${audience}" is the id of the client "${found.name}", which is known by its document there. Take another audience, or delete the client: npx signet client delete ${audience}`,
    );
}

/** In the transaction that writes a client of a document. Failure (conflict): an API has that audience. */
export async function requireNoAudience(tx: SqlEntityManager, clientId: string): Promise<void> {
  const key = audienceKey(clientId);
  await lockName(tx, key);
  const found = await tx.execute<unknown[]>('select 1 from permissions_api where audience_key = ?', [key]);
  if (found.length > 0) throw new Failure('conflict', `"${clientId}" is the audience of an API.`);
}

/** Of two that take one name at once the second sees the first. */
async function lockName(tx: SqlEntityManager, key: string): Promise<void> {
  await tx.execute('select pg_advisory_xact_lock(hashtextextended(?, 0))', [`signet name ${key}`]);
}

/** The algorithms that clients ask for beside the standard one, each once: of ID tokens, and of signed userinfo. */
export async function listClientAlgorithms(em: SqlEntityManager): Promise<Alg[]> {
  const rows = await em.execute<{ alg: Alg }[]>(
    `select alg from (
       select settings ->> 'idTokenAlg' as alg from oauth_client union select settings ->> 'userinfoAlg' from oauth_client
     ) asked where alg is not null order by alg`,
  );
  return rows.map((row) => row.alg);
}
