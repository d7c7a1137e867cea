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
  for (const path of paths)
    app.options(path, { schema: { hide: true } }, async (_request, reply) =>
      reply
        .code(204)
        .header('access-control-allow-methods', 'GET, POST')
        .header('access-control-allow-headers', 'authorization, content-type, dpop')
        .header('access-control-max-age', '600')
        .send(),
    );
}
