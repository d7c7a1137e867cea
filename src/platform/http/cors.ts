import type { FastifyReply as Reply, FastifyRequest as Request, RouteOptions } from 'fastify';
import { Problem } from './problems.ts';
import type { App } from './server.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Pages of every origin may call it, though discovery does not name it: a public document, for example. */
    anyOrigin?: true;
  }
}

/** What a page may read of an answer beside the headers that every page may (Fetch §3.2.3). */
const EXPOSED = ['www-authenticate', 'dpop-nonce', 'etag', 'retry-after', 'x-request-id'];

/**
 * What a page may send beside the headers that every page may. Libraries of browsers send those that are named; what else they add
 * (tracing, a library's own name) harms nobody. `*` does not stand for Authorization (Fetch §4.8).
 */
const ALLOWED = [
  ...['authorization', 'content-type', 'dpop', 'mcp-protocol-version', 'cache-control', 'pragma', 'x-requested-with'],
  ...['if-none-match', 'last-event-id', '*'],
];

/**
 * Lets pages of every origin call the routes that discovery names (`advertised`) and those that say so themselves. Without credentials: a
 * browser adds nothing of its own, and what a caller may do hangs on what it sends. To be called before any route is mounted; each path answers
 * its own preflight, so that every other one stays 405.
 */
export function allowAnyOrigin(app: App, advertised: readonly string[]): void {
  const methods = new Map<string, Set<string>>();
  const exposed = EXPOSED.join(', ');
  const open = (_request: Request, reply: Reply, done: () => void) => {
    void reply.header('access-control-allow-origin', '*').header('access-control-expose-headers', exposed);
    done();
  };
  app.addHook('onRoute', function (this: unknown, route: RouteOptions) {
    const { url, method, config } = route;
    if (method === 'OPTIONS' || !(advertised.includes(url) || config?.anyOrigin)) return;
    route.onRequest = [open, ...[route.onRequest ?? []].flat()];
    const known = methods.get(url);
    const all = known ?? new Set();
    methods.set(url, all);
    for (const one of [method].flat()) all.add(one);
    if (known) return;
    // Fetch §4.8: a question of the browser's, answered before anything else of the request is looked at.
    const answer = async (_request: Request, reply: Reply) =>
      reply
        .code(204)
        .header('access-control-allow-origin', '*')
        .header('access-control-allow-methods', [...all].join(', '))
        .header('access-control-allow-headers', ALLOWED.join(', '))
        .header('access-control-max-age', '600')
        .send();
    (this as App).options(url, { schema: { hide: true }, onRequest: answer }, answer);
  });
}

/**
 * Lets pages of these origins call the routes of this scope with their cookies (Fetch §3.2); to all others it says nothing. To be
 * called before the routes are mounted: each path answers its own preflight, so that a path that is not here stays 404.
 */
export function allowOrigins(app: App, origins: readonly string[]): void {
  const trustedOrigin = ({ headers: { origin } }: Request) =>
    origin !== undefined && origins.includes(origin) ? origin : undefined;
  app.addHook('onRequest', (request, reply, done) => {
    // Fetch §3.2.5: the answer depends on who asks, and a cache has to know.
    reply.header('vary', 'Origin');
    const origin = trustedOrigin(request);
    if (origin !== undefined)
      reply.header('access-control-allow-origin', origin).header('access-control-allow-credentials', 'true');
    done();
  });

  // Fetch §4.8: a question of the browser's, answered before anything else of the request is looked at.
  const answer = async (request: Request, reply: Reply) => {
    reply.code(204).header('vary', 'Origin, Access-Control-Request-Headers');
    if (trustedOrigin(request) === undefined) return reply.send();
    const wanted = request.headers['access-control-request-headers'];
    if (wanted !== undefined) reply.header('access-control-allow-headers', wanted);
    return reply.header('access-control-allow-methods', 'GET, POST, DELETE').send();
  };
  const answered = new Set<string>();
  app.addHook('onRoute', ({ url }) => {
    if (answered.has(url)) return;
    answered.add(url);
    app.options(url, { schema: { hide: true }, onRequest: answer }, answer);
  });
}

const harmless = ['GET', 'HEAD', 'OPTIONS'];

/**
 * The one cross-origin rule, for everything that takes authority from the cookie. A request that changes something is refused
 * when the browser says that it comes from elsewhere.
 */
export function sameOrigin(origin: string, trusted: readonly string[]) {
  return (request: Request, _reply: Reply, done: () => void): void => {
    if (!harmless.includes(request.method) && isCrossOrigin(request, origin, trusted))
      throw new Problem('cross_origin', {
        detail: `Only pages of ${origin} may do this. Others are allowed by SIGNET_TRUSTED_ORIGINS.`,
      });
    done();
  };
}

/** By `Sec-Fetch-Site`, else by `Origin`. Neither header: no browser. */
export function isCrossOrigin(request: Request, origin: string, trusted: readonly string[] = []): boolean {
  const from = request.headers.origin;
  if (from !== undefined && trusted.includes(from)) return false;
  const site = request.headers['sec-fetch-site'];
  return site === undefined ? from !== undefined && from !== origin : site !== 'same-origin' && site !== 'none';
}
