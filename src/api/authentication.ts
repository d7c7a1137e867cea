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

type Door = TokenAuthDeps & { readonly clock: Clock };

/**
 * The access token of a request while it is good and shown as it has to be (RFC 6750 §2.1, RFC 9449 §7.1); null when it has no
 * Authorization header. Problem: `invalid_token`, with the challenge that says what is wrong.
 */
export async function admitted(deps: Door, request: Request): Promise<ActiveToken | null> {
  const { authorization } = request.headers;
  const path = request.url.split('?')[0] as string;
  const carrier = { method: request.method, url: `${deps.issuer}${path}`, authorization, dpop: dpopHeader(request) };
  try {
    const presented = presentedToken(carrier);
    return presented && (await authenticateToken(deps, carrier, presented, deps.clock.now()));
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    throw new Problem('invalid_token', { reason: error.message, headers: { ...error.headers } });
  }
}

/** What the next proof may hold (RFC 9449 §8.2). */
export function nextNonce({ proofs, clock }: Pick<Door, 'proofs' | 'clock'>): () => string {
  return () => proofs.nonce(clock.now());
}

/** What it takes to know a program that asks for a document. */
export interface CallerDeps extends TokenAuthDeps {
  readonly clock: Clock;
  readonly clients: ClientCache;
}

/** RFC 9110 §11.6.1: both ways to show who one is. */
export const callerChallenge = { 'www-authenticate': 'Bearer, Basic realm="signet", charset="UTF-8"' };

/** Who asks: a client, or a user by a token. */
export type DocumentCaller = { readonly kind: 'client'; readonly clientId: string } | { readonly kind: 'user' };

/** Any client by client_secret_basic, anybody by an access token that is active; null without credentials. Problem: 401. */
export async function documentCaller(deps: CallerDeps, request: Request): Promise<DocumentCaller | null> {
  const { authorization } = request.headers;
  if (authorization === undefined) return null;
  if (!/^Basic /i.test(authorization)) {
    const token = await admitted(deps, request);
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

/** The client that asks, where everybody may: credentials that are not good make nobody of it. An outage is thrown. */
export async function clientIfAny(deps: CallerDeps, request: Request): Promise<string | null> {
  try {
    const caller = await documentCaller(deps, request);
    return caller?.kind === 'client' ? caller.clientId : null;
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) throw error;
    return null;
  }
}
