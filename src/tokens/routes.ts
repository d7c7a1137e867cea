import { Type } from 'typebox';
import { type App, servePublic } from '../platform/http/index.ts';
import type { KeyRing } from './keys/ring.ts';

/** RFC 7517 §4, RFC 7518 §6: the members of a public key depend on its type. */
const key = Type.Object(
  {
    kty: Type.String(),
    kid: Type.String({ description: 'RFC 7638 thumbprint.' }),
    alg: Type.String(),
    use: Type.Literal('sig'),
    ...Object.fromEntries(['n', 'e', 'crv', 'x', 'y'].map((name) => [name, Type.Optional(Type.String())])),
  },
  { title: 'Jwk', additionalProperties: false },
);
const jwks = Type.Object({ keys: Type.Array(key) }, { title: 'Jwks', additionalProperties: false });

/** `/.well-known/jwks.json` (RFC 7517 §5), as bytes that were built when the keys were loaded. */
export function jwksRoute(app: App, keys: KeyRing): void {
  const schema = {
    operationId: 'getKeys',
    summary: 'The keys that verify tokens',
    description: 'The current key of the default algorithm first, then keys that are published next or still verify.',
    tags: ['documents'],
    security: [],
    response: { 200: jwks },
    problems: [],
  };
  servePublic(app, '/.well-known/jwks.json', { type: 'application/json', maxAgeSeconds: 300, schema }, () =>
    keys.jwks(),
  );
}
