import type { IncomingMessage } from 'node:http';
import { Failure } from '../errors.ts';
import type { App } from './server.ts';

/** The path of the issuer, without a slash at its end; empty when it has none. */
export function basePath(issuer: string): string {
  return new URL(issuer).pathname.replace(/\/$/, '');
}

/**
 * Takes the issuer's path off what was asked for, once and byte for byte, before anything else looks at it: routes, guards and
 * policies know a request by the rest alone, whether a proxy has left the path in front or has taken it off. What is not
 * plainly below the path (`/auth/../login`, `//auth`, `/%61uth`) stays as it is, and is no route.
 */
export function withoutBase(base: string): (request: Pick<IncomingMessage, 'url'>) => string {
  return ({ url = '/' }) => {
    // RFC 9112 §3.2.2: a request may name the whole address.
    const path = url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?]*/i, '');
    if (!path.startsWith(base)) return url;
    const rest = path.slice(base.length);
    if (rest.startsWith('/')) return rest;
    return rest === '' || rest.startsWith('?') ? `/${rest}` : url;
  };
}

/** What Signet keeps for pages to come, beside what is mounted today. */
const RESERVED = ['account', 'admin', 'assets', 'dev', 'invite', 'logout', 'magic', 'playground', 'recover', 'undo'];

/**
 * Refuses an issuer whose path leads to something of Signet's own: behind a proxy that takes it off, `/oauth2/token` could be
 * either. To be called before the routes are mounted.
 */
export function refuseOwnPath(app: App, base: string): void {
  const segments = base.split('/').slice(1);
  const refuse = (own: string) => {
    throw new Failure(
      'usage',
      `SIGNET_ISSUER has the path ${base}, and Signet itself has ${own}. Choose another path, such as /id, or give it a host name of its own.`,
    );
  };
  if (RESERVED.includes(segments[0] as string)) refuse(`/${segments[0]}`);
  app.addHook('onRoute', ({ url }) => {
    const own = url.split('/').slice(1);
    if (segments.every((segment, place) => own[place] === segment || own[place]?.startsWith(':'))) refuse(url);
  });
}
