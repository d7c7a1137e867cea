import type { FastifyReply as Reply, FastifyRequest as Request, RouteOptions } from 'fastify';
import { Problem, requestFault } from './problems.ts';
import type { App } from './server.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Pages of any origin may call the route, though discovery does not name it: a public document, for example. */
    anyOrigin?: true;
  }
}

/** Response headers that a page may read, beyond the safelisted ones (Fetch §3.2.3). */
const EXPOSED = ['www-authenticate', 'dpop-nonce', 'etag', 'retry-after', 'x-request-id'];

/**
 * Request headers that a page may send, beyond the safelisted ones. Browser libraries send the named ones; others that they add (tracing, a
 * library's own name) are harmless. `*` does not cover Authorization (Fetch §4.8).
 */
const ALLOWED = [
  ...['authorization', 'content-type', 'dpop', 'mcp-protocol-version', 'cache-control', 'pragma', 'x-requested-with'],
  ...['if-none-match', 'last-event-id', '*'],
];

/**
 * Lets pages of any origin call the routes that discovery names (`advertised`) and those with `anyOrigin`. Credentials are not allowed: a
 * browser adds no cookie, and the request's own content decides what it may do. Call it before any route is mounted; each path answers its
 * own preflight, so that any other path stays 405.
 */
export function allowAnyOrigin(app: App, advertised: readonly string[]): void {
  const methods = new Map<string, Set<string>>();
  const exposed = EXPOSED.join(', ');
  const addHeaders = (_request: Request, reply: Reply, done: () => void) => {
    void reply.header('access-control-allow-origin', '*').header('access-control-expose-headers', exposed);
    done();
  };
  app.addHook('onRoute', function (this: unknown, route: RouteOptions) {
    const { url, method, config } = route;
    if (method === 'OPTIONS' || !(advertised.includes(url) || config?.anyOrigin)) return;
    route.onRequest = [addHeaders, ...[route.onRequest ?? []].flat()];
    const existing = methods.get(url);
    const allMethods = existing ?? new Set();
    methods.set(url, allMethods);
    for (const one of [method].flat()) allMethods.add(one);
    if (existing) return;
    // Fetch §4.8: the browser's preflight, answered before anything else of the request is read.
    const answer = async (_request: Request, reply: Reply) =>
      reply
        .code(204)
        .header('access-control-allow-origin', '*')
        .header('access-control-allow-methods', [...allMethods].join(', '))
        .header('access-control-allow-headers', ALLOWED.join(', '))
        .header('access-control-max-age', '600')
        .send();
    (this as App).options(url, { schema: { hide: true }, onRequest: answer }, answer);
  });
}

/**
 * Lets pages of these origins call the routes of this scope with cookies (Fetch §3.2); others get no CORS headers. Call it before the
 * routes are mounted: each path answers its own preflight, so that an unknown path stays 404.
 */
export function allowOrigins(app: App, origins: readonly string[]): void {
  const trustedOrigin = ({ headers: { origin } }: Request) =>
    origin !== undefined && origins.includes(origin) ? origin : undefined;
  app.addHook('onRequest', (request, reply, done) => {
    // Fetch §3.2.5: the response depends on the origin, and caches must know.
    reply.header('vary', 'Origin');
    const origin = trustedOrigin(request);
    if (origin !== undefined)
      reply.header('access-control-allow-origin', origin).header('access-control-allow-credentials', 'true');
    done();
  });

  // Fetch §4.8: the browser's preflight, answered before anything else of the request is read.
  const answer = async (request: Request, reply: Reply) => {
    reply.code(204).header('vary', 'Origin, Access-Control-Request-Headers');
    if (trustedOrigin(request) === undefined) return reply.send();
    const requestedHeaders = request.headers['access-control-request-headers'];
    if (requestedHeaders !== undefined) reply.header('access-control-allow-headers', requestedHeaders);
    return reply.header('access-control-allow-methods', 'GET, POST, DELETE').send();
  };
  const preflightPaths = new Set<string>();
  app.addHook('onRoute', ({ url }) => {
    if (preflightPaths.has(url)) return;
    preflightPaths.add(url);
    app.options(url, { schema: { hide: true }, onRequest: answer }, answer);
  });
}

const safeMethods = ['GET', 'HEAD', 'OPTIONS'];

/**
 * The cross-origin rule for every route that takes authority from the cookie: a request that changes data is refused if the browser reports
 * another origin.
 */
export function sameOrigin(origin: string, trusted: readonly string[]) {
  return (request: Request, _reply: Reply, done: () => void): void => {
    if (!safeMethods.includes(request.method) && isCrossOrigin(request, origin, trusted))
      throw new Problem('cross_origin', { detail: requestFault('origin_not_trusted', { origin }) });
    done();
  };
}

/**
 * Returns whether a request comes from another origin, by `Sec-Fetch-Site`, else by `Origin`. A request with neither header is not from a
 * browser.
 */
export function isCrossOrigin(request: Request, origin: string, trusted: readonly string[] = []): boolean {
  const requestOrigin = request.headers.origin;
  if (requestOrigin !== undefined && trusted.includes(requestOrigin)) return false;
  const site = request.headers['sec-fetch-site'];
  return site === undefined
    ? requestOrigin !== undefined && requestOrigin !== origin
    : site !== 'same-origin' && site !== 'none';
}
