import { getAllPermissions } from '../access/index.ts';
import { OAuthError } from '../platform/http/index.ts';
import type { Clock } from '../platform/time.ts';
import { type ActiveToken, findActiveToken, type TokenReader } from './active-token.ts';
import { authenticateClient, type PresentedClient } from './client-auth.ts';
import type { KnownClients, LiveClient } from './clients/hot.ts';

export interface IntrospectionEndpoint extends TokenReader {
  readonly clock: Clock;
  readonly clients: KnownClients;
}

/** RFC 7662 §2.2: what is not active, or not the caller's to see, is this and nothing more. */
const inactive = { active: false } as const;

/**
 * Introspection (RFC 7662). The caller is authenticated first; then everything is inactive until shown otherwise. An outage
 * is thrown and becomes 503: it never looks like an inactive token.
 */
export async function introspect(endpoint: IntrospectionEndpoint, presented: PresentedClient) {
  const now = endpoint.clock.now();
  // RFC 7662 §2.1: the caller must be authorised; a public client cannot be.
  const caller = await authenticateClient(endpoint.clients, presented, now);
  const { token } = presented.form;
  let client: LiveClient | undefined;
  const read = async (version: number | null) => {
    client = await caller.confirm(version);
  };
  // The caller's version comes with the one statement about the token.
  const found = token ? await findActiveToken(endpoint, token, now, { versionOf: caller.id, read }) : await read(null);
  // RFC 7662 §2.1: token is required; token_type_hint is a hint only.
  if (!token) throw new OAuthError('invalid_request', 'token is missing.');
  if (!found || !client || !maySee(client, found)) return inactive;
  return activeAnswer(found);
}

/** The one place that decides whose tokens a client may see: those issued to it, and those of APIs that it serves. */
function maySee(caller: LiveClient, token: ActiveToken): boolean {
  return token.claims.client_id === caller.clientId || caller.serves.includes(token.api.id);
}

/** Rights as of now, not as of the token; cut by the API's claims switch. */
function activeAnswer({ claims, api, rights, user }: ActiveToken) {
  return {
    active: true as const,
    ...(claims.scope ? { scope: claims.scope } : {}),
    client_id: claims.client_id,
    ...(user && api.withUsername ? { username: user.username } : {}),
    token_type: 'Bearer' as const,
    exp: claims.exp,
    iat: claims.iat,
    sub: claims.sub,
    aud: claims.aud,
    iss: claims.iss,
    jti: claims.jti,
    ...(claims.sid ? { sid: claims.sid } : {}),
    permissions: [...getAllPermissions(rights)],
    groups: [...rights.groups],
    is_staff: user !== null && (user.isStaff || rights.isStaff),
    is_superuser: user !== null && rights.isSuperuser,
  };
}
