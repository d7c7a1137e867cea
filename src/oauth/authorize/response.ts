import type { OAuthError } from '../../platform/http/index.ts';
import type { LiveClient } from '../clients/cache.ts';

/** Where the answer to a request goes: settled before anything else of it is looked at. */
export interface ResponseTarget {
  readonly redirectUri: string;
  readonly mode: 'query' | 'form_post';
  /** As it came. */
  readonly state: string | undefined;
}

/** What the browser takes to the client. */
export interface Answer {
  readonly redirectUri: string;
  readonly mode: ResponseTarget['mode'];
  readonly parameters: Readonly<Record<string, string>>;
  /** Whose request was refused, and why. */
  readonly refused?: { readonly client: LiveClient; readonly error: OAuthError };
}

/** RFC 6749 §4.1.2, with `iss` (RFC 9207 §2). */
export function granted(issuer: string, to: ResponseTarget, code: string): Answer {
  return answer(issuer, to, { code });
}

/** RFC 6749 §4.1.2.1, OIDC Core §3.1.2.6, with `iss` (RFC 9207 §2). */
export function refused(issuer: string, to: ResponseTarget, client: LiveClient, error: OAuthError): Answer {
  const said = answer(issuer, to, { error: error.code, error_description: error.message });
  return { ...said, refused: { client, error } };
}

function answer(issuer: string, { redirectUri, mode, state }: ResponseTarget, said: Record<string, string>): Answer {
  return { redirectUri, mode, parameters: { ...said, ...(state === undefined ? {} : { state }), iss: issuer } };
}

/**
 * The URI of an answer by redirect: what is registered stays as it is, its own query too (RFC 6749 §3.1.2). Percent-encoded
 * throughout, because readers disagree about what `+` is.
 */
export function responseLocation({ redirectUri, parameters }: Answer): string {
  const query = Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  const joint = query.length === 0 || /[?&]$/.test(redirectUri) ? '' : redirectUri.includes('?') ? '&' : '?';
  // A header takes ASCII alone.
  return `${redirectUri.replace(/[^\x21-\x7e]/gu, encodeURIComponent)}${joint}${query.join('&')}`;
}
