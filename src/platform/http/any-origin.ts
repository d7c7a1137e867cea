import type { FastifyReply as Reply, FastifyRequest as Request } from 'fastify';
import type { App } from './server.ts';

/**
 * Lets pages of every origin call these endpoints, without credentials: a browser adds nothing of its own, and what a caller may do
 * hangs on what it sends. For whole scopes; the preflight of each path is answered here.
 */
export function allowAnyOrigin(app: App, paths: readonly string[]): void {
  app.addHook('onRequest', async (request, reply) => {
    if (!paths.includes(request.url.split('?', 1)[0] as string)) return;
    reply
      .header('access-control-allow-origin', '*')
      .header('access-control-expose-headers', 'www-authenticate, dpop-nonce, retry-after');
  });
  // Fetch §4.8: a question of the browser's, answered before anything else of the request is looked at.
  const answer = async (_request: Request, reply: Reply) =>
    reply
      .code(204)
      .header('access-control-allow-methods', 'GET, POST')
      .header('access-control-allow-headers', 'authorization, content-type, dpop')
      .header('access-control-max-age', '600')
      .send();
  for (const path of paths) app.options(path, { schema: { hide: true }, onRequest: answer }, answer);
}
