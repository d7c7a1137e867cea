import type { IncomingMessage } from 'node:http';
import { domainErrors } from '../errors.ts';
import type { App } from './server.ts';

/** The refusals of this room, with what a message about each names. */
export interface HttpErrors {
  /** `own`: the path of Signet that the path of the issuer equals. */
  readonly issuer_path_reserved: { readonly path: string; readonly own: string };
}

const httpError = domainErrors<HttpErrors>();

/** Returns the path of the issuer, without a trailing slash; empty if it has none. */
export function basePath(issuer: string): string {
  return new URL(issuer).pathname.replace(/\/$/, '');
}

/**
 * Returns a function that strips the issuer's path from a request target, once and byte for byte, before routing: routes, guards and
 * policies see the rest, whether or not a proxy has stripped the path already. A target that is not plainly below the path
 * (`/auth/../login`, `//auth`, `/%61uth`) is unchanged, and matches no route.
 */
export function stripBasePath(base: string): (request: Pick<IncomingMessage, 'url'>) => string {
  return ({ url = '/' }) => {
    // RFC 9112 §3.2.2: the target may be in absolute form.
    const path = url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?]*/i, '');
    if (!path.startsWith(base)) return url;
    const rest = path.slice(base.length);
    if (rest.startsWith('/')) return rest;
    return rest === '' || rest.startsWith('?') ? `/${rest}` : url;
  };
}

/** Paths reserved for future pages, besides the mounted routes. */
const RESERVED = ['account', 'admin', 'assets', 'dev', 'invite', 'logout', 'magic', 'playground', 'recover', 'undo'];

/**
 * Rejects an issuer whose path equals a path of Signet (`issuer_path_reserved`): behind a proxy that strips it, `/oauth2/token` would be
 * ambiguous. Call it before the routes are mounted.
 */
export function rejectOwnPath(app: App, base: string): void {
  const segments = base.split('/').slice(1);
  const reject = (own: string) => {
    throw httpError('issuer_path_reserved', { path: base, own });
  };
  if (RESERVED.includes(segments[0] as string)) reject(`/${segments[0]}`);
  app.addHook('onRoute', ({ url }) => {
    const own = url.split('/').slice(1);
    if (segments.every((segment, index) => own[index] === segment || own[index]?.startsWith(':'))) reject(url);
  });
}
