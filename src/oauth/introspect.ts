import { getAllPermissions } from '../permissions/index.ts';
import { type Clock, numericDate } from '../platform/time.ts';
import { type RefreshKey, readGrant, readRefreshToken, tokenAudience, USERINFO } from '../tokens/index.ts';
import { type ActiveToken, findActiveToken, type TokenReader } from './active-token.ts';
import { authenticateClient, type Caller, type PresentedClient } from './client-auth.ts';
import type { ClientCache, LiveClient } from './clients/cache.ts';
import { oauthError } from './errors.ts';

export interface IntrospectionEndpoint extends TokenReader {
  readonly clock: Clock;
  readonly clients: ClientCache;
  readonly refreshKey: RefreshKey;
  /** How long the previous refresh token stays valid. */
  readonly graceSeconds: number;
}

/** RFC 7662 §2.2: the response for a token that is not active, or that the caller may not see. */
const inactive = { active: false } as const;

/**
 * Introspection (RFC 7662). The caller is authenticated first; then every token is inactive until all checks pass. An
 * outage throws and becomes 503: it cannot look like an inactive token.
 */
export async function introspect(endpoint: IntrospectionEndpoint, presented: PresentedClient) {
  const now = endpoint.clock.now();
  // RFC 7662 §2.1: the caller must be authorized, which a public client cannot be.
  const caller = await authenticateClient(endpoint.clients, presented, now);
  const { token } = presented.form;
  const refreshToken = token ? readRefreshToken(token) : null;
  if (refreshToken) return introspectRefresh(endpoint, caller, refreshToken, now);
  let client: LiveClient | undefined;
  const onVersion = async (version: number | null) => {
    client = await caller.revalidate(version);
  };
  // One statement reads the token and the caller's version.
  const activeToken = token
    ? await findActiveToken(endpoint, token, now, { extraPrincipal: caller.id, onVersion })
    : await onVersion(null);
  // RFC 7662 §2.1: token is required; token_type_hint is a hint only.
  if (!token) throw oauthError('parameter_missing', { name: 'token' });
  if (!activeToken || !client || !maySee(client, activeToken)) return inactive;
  return activeResponse(activeToken);
}

/** Introspects a refresh token, for its own client only. */
async function introspectRefresh(
  { db, issuer, access, refreshKey, graceSeconds }: IntrospectionEndpoint,
  caller: Caller,
  presented: NonNullable<ReturnType<typeof readRefreshToken>>,
  now: Date,
) {
  // One statement reads the grant and the caller's version.
  const grant = await readGrant(db, presented.id, now);
  const client = await caller.revalidate(grant?.client === caller.id ? grant.clientVersion : null);
  if (!grant || !presented.matches(refreshKey, grant.seed) || grant.client !== client.id || !grant.isLive)
    return inactive;
  const isInGrace =
    presented.generation === grant.generation - 1 && now.getTime() - grant.rotatedAtMs < graceSeconds * 1000;
  if (presented.generation !== grant.generation && !isInGrace) return inactive;
  const { api: apiId, apiVersion, user, session, scope, dpopJkt } = grant;
  const api = apiId === null ? USERINFO : await access.apiById(apiId, { id: apiId, version: apiVersion });
  if (!api) return inactive;
  return {
    active: true as const,
    ...(scope === null ? {} : { scope }),
    client_id: client.clientId,
    ...(api.withUsername ? { username: user.username } : {}),
    exp: numericDate(grant.idleEndsAt),
    iat: numericDate(new Date(grant.rotatedAtMs)),
    sub: user.id,
    aud: tokenAudience(api, issuer),
    iss: issuer,
    ...(session === null ? {} : { sid: session }),
    ...(dpopJkt === null ? {} : { cnf: { jkt: dpopJkt } }),
  };
}

/** Decides whose tokens a client may see: those issued to it, and those of APIs that it serves. */
export function maySee(caller: LiveClient, token: ActiveToken): boolean {
  return token.claims.client_id === caller.clientId || caller.serves.includes(token.api.id);
}

/** Returns current rights, not those in the token, and the claims that the API is set to carry. */
function activeResponse({ claims, api, rights, user, rightsLimit }: ActiveToken) {
  // A client that is not first-party gets groups by their scope alone, as in ID tokens.
  const showsGroups = rightsLimit === null || claims.scope?.split(' ').includes('groups') === true;
  return {
    active: true as const,
    ...(claims.scope ? { scope: claims.scope } : {}),
    client_id: claims.client_id,
    ...(user && api.withUsername ? { username: user.username } : {}),
    token_type: claims.cnf ? ('DPoP' as const) : ('Bearer' as const),
    exp: claims.exp,
    iat: claims.iat,
    sub: claims.sub,
    aud: claims.aud,
    iss: claims.iss,
    jti: claims.jti,
    ...(claims.sid ? { sid: claims.sid } : {}),
    ...(claims.auth_time ? { auth_time: claims.auth_time } : {}),
    ...(claims.acr ? { acr: claims.acr } : {}),
    ...(claims.cnf ? { cnf: claims.cnf } : {}),
    ...(claims.act ? { act: claims.act } : {}),
    permissions: [...getAllPermissions(rights)],
    groups: showsGroups ? [...rights.groups] : [],
    is_staff: user !== null && rightsLimit === null && (user.isStaff || rights.isStaff),
    is_superuser: user !== null && rights.isSuperuser,
  };
}
