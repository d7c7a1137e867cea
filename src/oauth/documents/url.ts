import { isLoopbackHost } from '../../platform/config/index.ts';

/** What the log, the command line and a form can still hold. */
const MAX_URL_LENGTH = 512;

/**
 * Whether a client id is the address of a metadata document (draft-ietf-oauth-client-id-metadata-document §3): https with a path, and
 * nothing that two programs could read in two ways. Only its one normal form counts: no dot segments, no upper-case host, no user
 * information, no fragment. `isDevelopment`: http on this machine as well.
 */
export function isDocumentUrl(clientId: string, isDevelopment: boolean): boolean {
  if (clientId.length > MAX_URL_LENGTH || !/^https?:\/\/[\x21-\x7e]+$/.test(clientId) || /[#@\\]/.test(clientId))
    return false;
  const url = URL.parse(clientId);
  if (url?.href !== clientId || url.pathname === '/') return false;
  return url.protocol === 'https:' || (isDevelopment && isLoopbackHost(url.hostname));
}

/** Whether a client is known by its document: every other id is made here, and begins with `c_`. */
export function isDocumentClient({ clientId }: { readonly clientId: string }): boolean {
  return /^https?:\/\//.test(clientId);
}

/** Where a document stands, as people are told it. */
export function documentHost(clientId: string): string {
  return new URL(clientId).host;
}
