import type { OAuthError } from '../../platform/http/index.ts';
import type { LiveClient } from '../clients/cache.ts';

/** Where the response to a request goes; validated before the rest of the request. */
export interface ResponseTarget {
  readonly redirectUri: string;
  readonly mode: 'query' | 'form_post';
  /** As the client sent it. */
  readonly state: string | undefined;
}

/** The parameters that the browser takes to the client. */
export interface AuthorizationResponse {
  readonly redirectUri: string;
  readonly mode: ResponseTarget['mode'];
  readonly parameters: Readonly<Record<string, string>>;
  /** The client and the error of an error response. */
  readonly refusal?: { readonly client: LiveClient; readonly error: OAuthError };
}

/** RFC 6749 §4.1.2, with `iss` (RFC 9207 §2). */
export function successResponse(issuer: string, target: ResponseTarget, code: string): AuthorizationResponse {
  return createResponse(issuer, target, { code });
}

/** RFC 6749 §4.1.2.1, OIDC Core §3.1.2.6, with `iss` (RFC 9207 §2). */
export function errorResponse(
  issuer: string,
  target: ResponseTarget,
  client: LiveClient,
  error: OAuthError,
): AuthorizationResponse {
  const response = createResponse(issuer, target, { error: error.code, error_description: error.message });
  return { ...response, refusal: { client, error } };
}

function createResponse(
  issuer: string,
  { redirectUri, mode, state }: ResponseTarget,
  result: Record<string, string>,
): AuthorizationResponse {
  return { redirectUri, mode, parameters: { ...result, ...(state === undefined ? {} : { state }), iss: issuer } };
}

/**
 * The URI of a response by redirect. The registered URI stays as it is, with its own query (RFC 6749 §3.1.2). Values are
 * percent-encoded throughout, because readers disagree about the meaning of `+`.
 */
export function responseLocation({ redirectUri, parameters }: AuthorizationResponse): string {
  const query = Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  const joint = query.length === 0 || /[?&]$/.test(redirectUri) ? '' : redirectUri.includes('?') ? '&' : '?';
  // A header takes ASCII only.
  return `${redirectUri.replace(/[^\x21-\x7e]/gu, encodeURIComponent)}${joint}${query.join('&')}`;
}
