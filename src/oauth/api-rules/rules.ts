import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Api, apiView, audienceKey, lockApis, type PermissionCache } from '../../permissions/index.ts';
import { domainErrors } from '../../platform/errors.ts';
import type { Alg } from '../../tokens/index.ts';

/** The refusals of this room. `name` is that of a client. */
export interface ApiRuleErrors {
  readonly client_tokens_ambiguous: { readonly name: string; readonly audience: string };
  readonly audience_is_client_id: { readonly audience: string; readonly name: string };
  readonly client_id_is_audience: { readonly audience: string };
}

const ruleError = domainErrors<ApiRuleErrors>();

/*
 * An ID token has `typ` JWT and is signed with the keys of access tokens. Where it carries permissions, and an API
 * accepts access tokens of `typ` JWT, only the audience would tell the two apart (RFC 9068 §4, RFC 8725 §3.11): no
 * client may have both.
 */

/** Checks a client in the transaction that changed it. Throws `client_tokens_ambiguous` if one of its APIs uses tokens of `typ` JWT. */
export async function requireDistinctIdTokens(
  tx: SqlEntityManager,
  client: { readonly id: string; readonly name: string; readonly settings: { readonly permissionsIn?: string } },
): Promise<void> {
  if (client.settings.permissionsIn !== 'id_token') return;
  const apis = await tx.execute<{ id: string }[]>('select api_id as id from oauth_client_api where client_id = ?', [
    client.id,
  ]);
  // A concurrent change of an API to `typ` JWT waits, or has committed before.
  const ids = [...new Set(apis.map((one) => one.id))];
  await lockApis(tx, ids, 'reads');
  const [found] = await tx.execute<{ audience: string }[]>(
    `select a.audience from oauth_client_api x join ${apiView('a')} on a.id = x.api_id where x.client_id = ? and a.typ = 'JWT' order by 1 limit 1`,
    [client.id],
  );
  if (found) throw ruleError('client_tokens_ambiguous', { name: client.name, audience: found.audience });
}

/**
 * For the port `beforeTypJwt` of permissions: an API, whose row is locked, is to use tokens of `typ` JWT. Throws
 * `client_tokens_ambiguous` if one of its clients has permissions in its ID tokens.
 */
export async function requireNoPermissionsInIdTokens(
  tx: SqlEntityManager,
  api: Pick<Api, 'id' | 'audience'>,
): Promise<void> {
  const [found] = await tx.execute<{ name: string }[]>(
    `select c.name from oauth_client_api x join oauth_client c on c.id = x.client_id
     where x.api_id = ? and c.settings->>'permissionsIn' = 'id_token' order by c.name_key collate "C" limit 1`,
    [api.id],
  );
  if (found) throw ruleError('client_tokens_ambiguous', { name: found.name, audience: api.audience });
}

/** Whether an API that a client requests or serves uses tokens of `typ` JWT. */
export async function hasJwtTypApi(
  access: Pick<PermissionCache, 'apiById'>,
  { requests, serves }: { readonly requests: readonly string[]; readonly serves: readonly string[] },
): Promise<boolean> {
  const apis = await Promise.all([...new Set([...requests, ...serves])].map((id) => access.apiById(id)));
  return apis.some((one) => one?.typ === 'JWT');
}

/*
 * Audiences and client ids share one namespace, so that a token for an API cannot pass as one for a client. A generated
 * id cannot be an audience; the URL of a metadata document could be one.
 */

/** For the port `beforeAudience` of permissions: an API is to have this audience. Throws `audience_is_client_id`. */
export async function requireNoClientId(em: SqlEntityManager, audience: string): Promise<void> {
  const key = audienceKey(audience);
  await lockName(em, key);
  const [found] = await em.execute<{ name: string }[]>('select name from oauth_client where client_id in (?, ?)', [
    key,
    `${key}/`,
  ]);
  if (found) throw ruleError('audience_is_client_id', { audience, name: found.name });
}

/** Called in the transaction that stores the client of a document. Throws `client_id_is_audience`. */
export async function requireNoAudience(tx: SqlEntityManager, clientId: string): Promise<void> {
  const key = audienceKey(clientId);
  await lockName(tx, key);
  const found = await tx.execute<unknown[]>(`select 1 from ${apiView('a')} where a.audience_key = ?`, [key]);
  if (found.length > 0) throw ruleError('client_id_is_audience', { audience: clientId });
}

/** Of two transactions that use one name at once, the second sees the first. */
async function lockName(tx: SqlEntityManager, key: string): Promise<void> {
  await tx.execute('select pg_advisory_xact_lock(hashtextextended(?, 0))', [`signet name ${key}`]);
}

/** Returns the algorithms that clients use besides the default one, each once: of ID tokens and of signed userinfo. */
export async function listClientAlgorithms(em: SqlEntityManager): Promise<Alg[]> {
  const rows = await em.execute<{ alg: Alg }[]>(
    `select alg from (
       select settings ->> 'idTokenAlg' as alg from oauth_client union select settings ->> 'userinfoAlg' from oauth_client
     ) asked where alg is not null order by alg`,
  );
  return rows.map((row) => row.alg);
}
