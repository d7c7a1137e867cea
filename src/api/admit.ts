import { type ActiveToken, authenticateToken, presentedToken, type TokenAuthDeps } from '../oauth/index.ts';
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
