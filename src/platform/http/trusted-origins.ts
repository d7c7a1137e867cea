import type { FastifyReply as Reply, FastifyRequest as Request } from 'fastify';
import type { App } from './server.ts';

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
