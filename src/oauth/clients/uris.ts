import { isReservedScheme } from '../../platform/config/index.ts';
import { clientError, type RedirectSetting, type UriSetting } from './errors.ts';
import type { Preset } from './presets.ts';

/** Presets of programs on their user's machine, which receive the response on a loopback port (RFC 8252 §7.3). */
const nativePresets: readonly Preset[] = ['native', 'mcp'];

const MAX_URIS = 50;
const MAX_URI_LENGTH = 2000;

/** The characters of RFC 3986 §2, which every program writes and compares in the same way. */
const uriText = /^[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/;

/** A loopback host as text: `127.1` and `0x7f.1` do not count. */
const loopback = /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(:\d{1,5})?([/?]|$)/i;

/** RFC 8252 §7.1: an app's private scheme is a reversed domain name, and so contains a dot. */
const appScheme = /^[a-z](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/i;

/** The server's rules for redirect URIs. */
export interface RedirectRules {
  /** The server is used over https: http is allowed only for programs on their user's machine. */
  readonly httpsOnly: boolean;
  /** SIGNET_REDIRECT_SCHEMES: allowed without a dot. */
  readonly schemes: readonly string[];
}

/**
 * Checks redirect URIs (RFC 9700 §2.1, RFC 8252 §7): absolute, without fragment; https, http on a loopback literal, a
 * native app's private scheme, or a scheme that the server admits. Throws DomainError.
 */
export function checkRedirects(
  preset: Preset,
  uris: readonly string[],
  {
    httpsOnly = false,
    schemes = [],
    setting = 'redirectUris',
  }: Partial<RedirectRules> & { setting?: RedirectSetting } = {},
): void {
  if (uris.length > MAX_URIS) throw clientError('client_redirect_uris_too_many', { setting, max: MAX_URIS });
  for (const uri of uris) {
    if (!isAbsolute(uri) || !((hasAppScheme(preset, uri, schemes) && URL.canParse(uri)) || isWebUrl(uri)))
      throw clientError('client_redirect_uri_invalid', { setting, uri });
    // RFC 8252 §7.3.
    if (httpsOnly && !nativePresets.includes(preset) && loopback.test(uri))
      throw clientError('client_redirect_uri_on_loopback', { setting, uri, preset, presets: nativePresets });
  }
}

/** Whether a redirect URI has an app's scheme: a private one, or one that the server admits. */
function hasAppScheme(preset: Preset, uri: string, schemes: RedirectRules['schemes']): boolean {
  const scheme = uriScheme(uri);
  if (scheme === null || isReservedScheme(scheme.toLowerCase())) return false;
  return (
    (preset === 'native' && appScheme.test(scheme)) || (nativePresets.includes(preset) && schemes.includes(scheme))
  );
}

/** Whether a redirect URI has a scheme that only SIGNET_REDIRECT_SCHEMES admits: it does not identify its owner. */
export function hasAdmittedScheme(uri: string): boolean {
  const scheme = uriScheme(uri);
  return scheme !== null && !scheme.includes('.') && scheme !== 'https' && scheme !== 'http';
}

/** As written: an app's scheme has no other spelling. */
function uriScheme(uri: string): string | null {
  return /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(uri)?.[1] ?? null;
}

/** Checks a URL of the client: absolute https without a fragment, or http on a loopback literal. Throws `client_uri_invalid`. */
export function checkUri(setting: UriSetting, uri: string | null): void {
  if (uri !== null && !(isAbsolute(uri) && isWebUrl(uri))) throw clientError('client_uri_invalid', { setting, uri });
}

function isAbsolute(uri: string): boolean {
  return uri.length <= MAX_URI_LENGTH && uriText.test(uri) && !uri.includes('#');
}

function isWebUrl(uri: string): boolean {
  if (loopback.test(uri)) return URL.canParse(uri);
  const url = /^https:\/\/[^/?@*]+([/?]|$)/i.test(uri) ? URL.parse(uri) : null;
  return url !== null && url.username === '' && url.password === '';
}
