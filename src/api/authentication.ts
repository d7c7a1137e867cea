import {
  type ActiveToken,
  authenticateClient,
  authenticateToken,
  type ClientCache,
  presentedToken,
  type TokenAuthDeps,
} from '../oauth/index.ts';
import { dpopHeader, OAuthError, Problem, type Request } from '../platform/http/index.ts';
import type { Clock } from '../platform/time.ts';

type RequestAuthDeps = TokenAuthDeps & { readonly clock: Clock };

/**
 * Authenticates the access token of a request (RFC 6750 §2.1, RFC 9449 §7.1). Returns null without an Authorization header. Problem:
 * `invalid_token`, with a challenge that states the error.
 */
export async function authenticateRequest(deps: RequestAuthDeps, request: Request): Promise<ActiveToken | null> {
  const { authorization } = request.headers;
  const path = request.url.split('?')[0] as string;
  const resourceRequest = {
    method: request.method,
    url: `${deps.issuer}${path}`,
    authorization,
    dpop: dpopHeader(request),
  };
  try {
    const presented = presentedToken(resourceRequest);
    return presented && (await authenticateToken(deps, resourceRequest, presented, deps.clock.now()));
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    throw new Problem('invalid_token', { reason: error.message, headers: { ...error.headers } });
  }
}

/** Returns the source of DPoP nonces (RFC 9449 §8.2). */
export function nextNonce({ proofs, clock }: Pick<RequestAuthDeps, 'proofs' | 'clock'>): () => string {
  return () => proofs.nonce(clock.now());
}

/** What authenticating the caller of a document needs. */
export interface CallerDeps extends TokenAuthDeps {
  readonly clock: Clock;
  readonly clients: ClientCache;
}

/** RFC 9110 §11.6.1: both authentication schemes. */
export const callerChallenge = { 'www-authenticate': 'Bearer, Basic realm="signet", charset="UTF-8"' };

/** The caller: a client, or a user by a token. */
export type Caller = { readonly kind: 'client'; readonly clientId: string } | { readonly kind: 'user' };

/** Authenticates a client by client_secret_basic, or any caller by an active access token; returns null without credentials. Problem: 401. */
export async function authenticateCaller(deps: CallerDeps, request: Request): Promise<Caller | null> {
  const { authorization } = request.headers;
  if (authorization === undefined) return null;
  if (!/^Basic /i.test(authorization)) {
    const token = await authenticateRequest(deps, request);
    if (!token) return null;
    return token.user === null ? { kind: 'client', clientId: token.claims.client_id } : { kind: 'user' };
  }
  try {
    const caller = await authenticateClient(deps.clients, { authorization, form: {} }, deps.clock.now());
    const { clientId } = await caller.revalidate(null);
    return { kind: 'client', clientId };
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    throw new Problem('unauthenticated', { reason: error.message, headers: callerChallenge });
  }
}

/** Returns the client id of the caller of a public document; invalid credentials count as none. Throws in an outage. */
export async function optionalClientId(deps: CallerDeps, request: Request): Promise<string | null> {
  try {
    const caller = await authenticateCaller(deps, request);
    return caller?.kind === 'client' ? caller.clientId : null;
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) throw error;
    return null;
  }
}
