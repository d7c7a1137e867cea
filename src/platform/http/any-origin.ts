import type { FastifyReply as Reply, FastifyRequest as Request, RouteOptions } from 'fastify';
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
