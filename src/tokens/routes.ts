import type { App } from '../platform/http/index.ts';
import type { KeyRing } from './keys/ring.ts';

/** `/.well-known/jwks.json` (RFC 7517 §5), as bytes that were made when the keys were read. */
export function jwksRoute(app: App, keys: KeyRing): void {
  app.get('/.well-known/jwks.json', { schema: { summary: 'The keys that verify tokens' } }, async (request, reply) => {
    const { body, etag } = keys.jwks();
    reply
      .header('cache-control', 'public, max-age=300')
      .header('etag', etag)
      .header('access-control-allow-origin', '*');
    if (request.headers['if-none-match'] === etag) return reply.code(304).send();
    return reply.type('application/json').send(body);
  });
}
