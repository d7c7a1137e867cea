import type { LiveClient } from '../clients/cache.ts';
import { isDocumentClient } from '../documents/url.ts';

/**
 * Whether a client may be answered at a URI: one that is registered, as a string (RFC 9700 §4.1.3). The one exception is a native
 * app that listens on its own machine: there the port is free, the address is a literal and everything else is the same (RFC 8252 §7.3).
 */
export function isRegistered(client: Pick<LiveClient, 'preset' | 'redirectUris'>, uri: string): boolean {
  if (client.redirectUris.includes(uri)) return true;
  if (client.preset !== 'native' && client.preset !== 'mcp') return false;
  const asked = withoutPort(uri);
  return asked !== null && client.redirectUris.some((one) => withoutPort(one) === asked);
}

/** A loopback address without its port; null for everything else. No parser is asked: two of them may differ. */
function withoutPort(uri: string): string | null {
  const parts = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::([1-9]\d{0,4}))?((?:[/?][^#\s\\]*)?)$/.exec(uri);
  if (!parts || Number(parts[2] ?? 80) > 65_535) return null;
  return `${parts[1]}${parts[3]}`;
}

/**
 * Whether only this client can be listening there: a page of its own over https, or any client that shows a secret later. Any app
 * on the machine can take a loopback port or a scheme (RFC 8252 §8.6), and nobody has looked at what a document says. A first-party page has http on loopback in development alone.
 */
export function isExclusiveRedirect(
  client: Pick<LiveClient, 'clientId' | 'authMethod' | 'isFirstParty' | 'preset'>,
  redirectUri: string,
): boolean {
  if (isDocumentClient(client)) return false;
  if (client.authMethod !== 'none' || redirectUri.startsWith('https://')) return true;
  return client.isFirstParty && (client.preset === 'web' || client.preset === 'spa');
}

/** Whether a form can be posted there: programs behind a scheme of their own read no body. */
export function acceptsForms(redirectUri: string): boolean {
  return /^https?:/i.test(redirectUri);
}

/**
 * What a page's Content-Security-Policy must let its forms reach (CSP 3, `form-action`). Browsers hold every redirect after a form to
 * it: the one to the client, and where the client goes on from there, which may be another host of its own.
 */
export function formTargets(redirectUri: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(redirectUri)?.[0].toLowerCase() ?? '';
  return scheme === 'http:' ? 'http: https:' : scheme;
}
