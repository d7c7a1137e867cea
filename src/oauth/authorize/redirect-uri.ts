import type { LiveClient } from '../clients/cache.ts';
import { isDocumentClient } from '../documents/url.ts';

/**
 * Whether a URI is registered for a client, compared as a string (RFC 9700 §4.1.3). Native apps that listen on their
 * own machine are the exception: the port is free, the address is a literal and the rest is equal (RFC 8252 §7.3).
 */
export function isRegistered(client: Pick<LiveClient, 'preset' | 'redirectUris'>, uri: string): boolean {
  if (client.redirectUris.includes(uri)) return true;
  if (client.preset !== 'native' && client.preset !== 'mcp') return false;
  const requested = withoutPort(uri);
  return requested !== null && client.redirectUris.some((one) => withoutPort(one) === requested);
}

/**
 * Returns a loopback address without its port; null for any other URI. A regular expression, because two URL parsers
 * may differ.
 */
function withoutPort(uri: string): string | null {
  const parts = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::([1-9]\d{0,4}))?((?:[/?][^#\s\\]*)?)$/.exec(uri);
  if (!parts || Number(parts[2] ?? 80) > 65_535) return null;
  return `${parts[1]}${parts[3]}`;
}

/**
 * Whether only this client can receive what is sent to the redirect URI: it is https, or the client authenticates
 * later. Any app on the machine can use a loopback port or a private-use scheme (RFC 8252 §8.6), and a metadata
 * document is not reviewed. A first-party page has http on loopback in development only.
 */
export function isExclusiveRedirect(
  client: Pick<LiveClient, 'clientId' | 'authMethod' | 'isFirstParty' | 'preset'>,
  redirectUri: string,
): boolean {
  if (isDocumentClient(client)) return false;
  if (client.authMethod !== 'none' || redirectUri.startsWith('https://')) return true;
  return client.isFirstParty && (client.preset === 'web' || client.preset === 'spa');
}

/** Whether a form can be posted to the URI: an app behind a private-use scheme reads no body. */
export function acceptsForms(redirectUri: string): boolean {
  return /^https?:/i.test(redirectUri);
}

/**
 * Returns the `form-action` sources that a page with a form to this redirect URI needs (CSP 3). Browsers apply them to
 * every redirect after the form: the one to the client, and those by which the client goes on, perhaps to another host.
 */
export function formTargets(redirectUri: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(redirectUri)?.[0].toLowerCase() ?? '';
  return scheme === 'http:' ? 'http: https:' : scheme;
}
