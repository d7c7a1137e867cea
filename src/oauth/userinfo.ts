import { OAuthError } from '../platform/http/index.ts';
import type { Clock } from '../platform/time.ts';
import { NO_API, signJwt } from '../tokens/index.ts';
import { admitToken, presentedToken, type TokenCarrier, type TokenDoor } from './bearer.ts';
import type { KnownClients } from './clients/hot.ts';
import { readGrantClaims } from './hot.ts';
import { permissionClaims, userClaims, wantedClaims } from './user-claims.ts';

export interface UserinfoEndpoint extends TokenDoor {
  readonly clock: Clock;
  readonly clients: KnownClients;
}

/** What userinfo comes to: claims as JSON, or signed for a client that is registered so (OIDC Core §5.3.2). */
export type Userinfo = { readonly json: Record<string, unknown> } | { readonly jwt: string };

/** OIDC Core §5.3: the user of an access token whose scope says `openid`, whichever API the token is for. */
export async function userinfo(endpoint: UserinfoEndpoint, carrier: TokenCarrier): Promise<Userinfo> {
  const { db, clients, keys, issuer, clock } = endpoint;
  const presented = presentedToken(carrier);
  // RFC 6750 §3: who sent nothing is told the scheme and no error.
  if (!presented)
    throw new OAuthError('invalid_token', 'Send an access token.', { headers: { 'www-authenticate': 'Bearer' } });
  const { claims, user, api, rights, cut } = await admitToken(endpoint, carrier, presented, clock.now());
  const scopes = claims.scope?.split(' ') ?? [];
  // RFC 6750 §3.1.
  if (!user || !scopes.includes('openid'))
    throw new OAuthError('insufficient_scope', 'This takes a token whose scope says openid.', {
      headers: { 'www-authenticate': `${presented.scheme} error="insufficient_scope", scope="openid"` },
    });
  const named = await readGrantClaims(db, issuer, claims);
  // OIDC Core §5.3.2: always with the `sub` that the ID token has.
  const wanted = wantedClaims(scopes, named?.userinfo ?? []);
  const ofApi = api.id === NO_API ? null : { rights, isStaff: cut === null && user.isStaff };
  const about = {
    ...(await userClaims(db, user.id, wanted)),
    ...permissionClaims(ofApi, wanted),
    sub: user.id,
  };
  const client = await clients.load(claims.client_id);
  const alg = client?.settings.userinfoAlg;
  if (!alg) return { json: about };
  return { jwt: signJwt(keys, 'userinfo+jwt', alg, { ...about, iss: issuer, aud: claims.client_id }) };
}
