import type { Clock } from '../platform/time.ts';
import { NO_API, signJwt } from '../tokens/index.ts';
import { findLiveToken, readRights } from './active-token.ts';
import { authenticateActiveToken, presentedToken, type ResourceRequest, type TokenAuthDeps } from './bearer.ts';
import type { ClientCache } from './clients/cache.ts';
import { oauthError } from './errors.ts';
import { tokenScopes } from './queries.ts';
import { hasRightsClaim, permissionClaims, profileClaims, selectClaims } from './user-claims.ts';

export interface UserinfoEndpoint extends TokenAuthDeps {
  readonly clock: Clock;
  readonly clients: ClientCache;
}

/** Claims as JSON, or signed for a client that is registered so (OIDC Core §5.3.2). */
export type Userinfo = { readonly json: Record<string, unknown> } | { readonly jwt: string };

/**
 * OIDC Core §5.3: returns claims about the user of an access token with the scope `openid`, whichever API the token is
 * for. One statement reads the token's state, its user, and the version of its client.
 */
export async function userinfo(endpoint: UserinfoEndpoint, request: ResourceRequest): Promise<Userinfo> {
  const { clients, keys, issuer, clock } = endpoint;
  const presented = presentedToken(request);
  // RFC 6750 §3: without a token, the challenge has no error.
  if (!presented) throw oauthError('access_token_missing', { headers: { 'www-authenticate': 'Bearer' } });
  const now = clock.now();
  const found = await findLiveToken(endpoint, presented.token, now, { use: 'userinfo' });
  const token = await authenticateActiveToken(endpoint, request, presented, found, now);
  const { claims, user, api, rightsLimit, userClaims } = token;
  const scopes = tokenScopes(claims);
  // RFC 6750 §3.1.
  if (!user || !userClaims || !scopes.includes('openid'))
    throw oauthError('openid_missing', {
      headers: { 'www-authenticate': `${presented.scheme} error="insufficient_scope", scope="openid"` },
    });
  const selected = selectClaims(scopes, userClaims.requested?.userinfo ?? []);
  const apiRights =
    api.id === NO_API || !hasRightsClaim(selected)
      ? null
      : { rights: await readRights(endpoint, token, now), isStaff: rightsLimit === null && user.isStaff };
  // OIDC Core §5.3.2: always with the `sub` of the ID token.
  const allClaims = {
    ...profileClaims(userClaims.profile, selected),
    ...permissionClaims(apiRights, selected),
    sub: user.id,
  };
  // A token of the login API has no registered client.
  const client = userClaims.client && (await clients.load(claims.client_id, userClaims.client));
  const alg = client?.settings.userinfoAlg;
  if (!alg) return { json: allClaims };
  return { jwt: signJwt(keys, 'userinfo+jwt', alg, { ...allClaims, iss: issuer, aud: claims.client_id }) };
}
