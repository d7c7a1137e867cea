import { OAuthError } from '../platform/http/index.ts';
import { type ActiveToken, findActiveToken, type LiveToken, type TokenReader } from './active-token.ts';
import { CLIENT_JWS_ALGS } from './client-settings/index.ts';
import type { Proofs } from './dpop/proofs.ts';
import { oauthError } from './errors.ts';

/** The parts of a request to a protected resource of Signet that its access token depends on. */
export interface ResourceRequest {
  readonly method: string;
  /** The URL, built from the issuer. */
  readonly url: string;
  readonly authorization: string | undefined;
  /** The DPoP header. */
  readonly dpop: string | undefined;
  /** The form, where it may carry the token (RFC 6750 §2.2). */
  readonly form?: Readonly<Record<string, string>> | undefined;
}

export interface PresentedToken {
  readonly scheme: 'Bearer' | 'DPoP';
  readonly token: string;
}

/** Dependencies for authenticating a request by its token. */
export interface TokenAuthDeps extends TokenReader {
  readonly proofs: Proofs;
}

/**
 * Returns the access token of a request, from the header or the form; null when there is none. OAuthError:
 * `invalid_request` when it is sent both ways (RFC 6750 §2), `invalid_token` for a malformed header. A token in the
 * query is ignored (RFC 9700 §4.3.2).
 */
export function presentedToken({
  authorization,
  form,
}: Pick<ResourceRequest, 'authorization' | 'form'>): PresentedToken | null {
  const formToken = form?.['access_token'];
  if (authorization === undefined) return formToken === undefined ? null : { scheme: 'Bearer', token: formToken };
  if (formToken !== undefined)
    throw oauthError('access_token_repeated', {
      headers: { 'www-authenticate': 'Bearer error="invalid_request"' },
    });
  // RFC 6750 §2.1, RFC 9449 §7.1.
  const [, scheme, token] = /^(Bearer|DPoP) +([^\s,]+)$/i.exec(authorization) ?? [];
  if (!scheme || !token) throw oauthError('access_token_malformed', { headers: { 'www-authenticate': 'Bearer' } });
  return { scheme: scheme.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer', token };
}

/**
 * Returns the active token of a request, presented by the right scheme. Throws an OAuthError with the challenge
 * otherwise.
 */
export async function authenticateToken(
  deps: TokenAuthDeps,
  request: ResourceRequest,
  presented: PresentedToken,
  now: Date,
): Promise<ActiveToken> {
  return authenticateActiveToken(deps, request, presented, await findActiveToken(deps, presented.token, now), now);
}

/** The same for a token that was read already; null: it is not active. */
export async function authenticateActiveToken<T extends Pick<LiveToken, 'claims'>>(
  deps: TokenAuthDeps,
  request: ResourceRequest,
  { scheme, token }: PresentedToken,
  active: T | null,
  now: Date,
): Promise<T> {
  if (!active) throw withChallenge(scheme, oauthError('access_token_inactive'));
  const { jkt } = active.claims.cnf ?? {};
  // RFC 9449 §7.2: a bound token requires a proof of its key, and an unbound token cannot be used with one.
  if (jkt === undefined && scheme === 'Bearer') return active;
  if (jkt === undefined) throw withChallenge('DPoP', oauthError('access_token_unbound'));
  if (scheme === 'Bearer') throw withChallenge('DPoP', oauthError('access_token_bound'));
  if (request.dpop === undefined) throw withChallenge('DPoP', oauthError('proof_missing'));
  try {
    const { method, url } = request;
    await deps.proofs.check(request.dpop, { method, url, accessToken: token, jkt }, now);
    return active;
  } catch (error) {
    if (!(error instanceof OAuthError) || error.status >= 500) throw error;
    throw withChallenge('DPoP', error);
  }
}

/** RFC 6750 §3, RFC 9449 §7.1: returns the error as 401, with a challenge for the scheme to use. */
function withChallenge(scheme: PresentedToken['scheme'], error: OAuthError): OAuthError {
  const { code, message, reason, headers } = error;
  const parameters = [
    `error="${code}"`,
    `error_description="${message}"`,
    ...(scheme === 'DPoP' ? [`algs="${CLIENT_JWS_ALGS.join(' ')}"`] : []),
  ];
  const challenge = `${scheme} ${parameters.join(', ')}`;
  return new OAuthError(code, message, { status: 401, headers: { ...headers, 'www-authenticate': challenge }, reason });
}
