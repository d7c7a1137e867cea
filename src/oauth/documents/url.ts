import { isLoopbackHost } from '../../platform/config/index.ts';

/** The longest id that the log, the command line and forms can hold. */
const MAX_URL_LENGTH = 512;

/**
 * Whether a client id is the URL of a metadata document (draft-ietf-oauth-client-id-metadata-document §3): https with a
 * path, in its normal form, which no two programs can read differently: no dot segments, no upper-case host, no user
 * information, no fragment. `isDevelopment`: http on this machine as well.
 */
export function isDocumentUrl(clientId: string, isDevelopment: boolean): boolean {
  if (clientId.length > MAX_URL_LENGTH || !/^https?:\/\/[\x21-\x7e]+$/.test(clientId) || /[#@\\]/.test(clientId))
    return false;
  const url = URL.parse(clientId);
  if (url?.href !== clientId || url.pathname === '/') return false;
  return url.protocol === 'https:' || (isDevelopment && isLoopbackHost(url.hostname));
}

/** Whether a client is identified by its document; generated ids start with `c_`. */
export function isDocumentClient({ clientId }: { readonly clientId: string }): boolean {
  return /^https?:\/\//.test(clientId);
}

/** The host of a document, for display. */
export function documentHost(clientId: string): string {
  return new URL(clientId).host;
}
