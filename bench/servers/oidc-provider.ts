import { join } from 'node:path';
import { freePort, type Stage } from '../stage.ts';
import { type Server, startServer } from './server.ts';

export const peerClient = { id: 'bench', secret: 'a-secret-of-the-bench-only-0123456789' };
/** The resources (RFC 8707) that tokens are asked for: two kinds of JWT, and opaque ones. */
export const peerResources = { RS256: 'urn:bench:rs256', ES256: 'urn:bench:es256', opaque: 'urn:bench:opaque' };

/** Refresh tokens that it knows from the start: no sign-in of people stands between the bench and what is measured. */
export const peerRefreshTokens = {
  RS256: Array.from({ length: 32 }, (_, n) => `bench-refresh-rs256-${n}-0123456789abcdef`),
  ES256: Array.from({ length: 32 }, (_, n) => `bench-refresh-es256-${n}-0123456789abcdef`),
};

/** node-oidc-provider with its in-memory adapter: it has no database to wait for. */
export async function startOidcProvider(stage: Stage): Promise<Server> {
  const port = await freePort();
  return startServer(stage, {
    name: 'node-oidc-provider',
    args: [
      join(import.meta.dirname, 'programs/oidc-provider.mjs'),
      JSON.stringify({ port, client: peerClient, resources: peerResources, refreshTokens: peerRefreshTokens }),
    ],
    env: { NODE_ENV: 'production' },
    port,
    readyPath: '/.well-known/openid-configuration',
  });
}
