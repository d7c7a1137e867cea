import { join } from 'node:path';
import { request } from '../load/request.ts';
import {
  demandActive,
  demandMember,
  demandToken,
  demandUser,
  type Peer,
  type Signed,
  type Task,
} from '../peers/peer.ts';
import {
  CONNECTIONS,
  FAMILIES,
  introspections,
  post,
  rotation,
  USER_SCOPE,
  USERS,
  userinfo,
} from '../peers/requests.ts';
import { seeded } from '../peers/seeded.ts';
import { freePort, type Workspace } from '../workspace.ts';
import { type Server, startServer } from './server.ts';

export const peerClient = { id: 'bench', secret: 'a-secret-of-the-bench-only-0123456789' };
/** The resources (RFC 8707) that tokens are asked for: two kinds of JWT, and opaque ones. */
export const peerResources = { RS256: 'urn:bench:rs256', ES256: 'urn:bench:es256', opaque: 'urn:bench:opaque' };

/** node-oidc-provider by itself, in memory, or with a database through an adapter of the bench. */
export async function startOidcProvider(workspace: Workspace, databaseUrl?: string): Promise<Peer> {
  const port = await freePort();
  const title = databaseUrl === undefined ? 'node-oidc-provider in memory' : 'node-oidc-provider with PostgreSQL';
  const server = await startServer(workspace, {
    name: title,
    args: [
      join(import.meta.dirname, 'programs/oidc-provider.mjs'),
      JSON.stringify({ port, client: peerClient, resources: peerResources }),
    ],
    env: { NODE_ENV: 'production', ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }) },
    port,
    readyPath: '/.well-known/openid-configuration',
  });
  const isRotated = databaseUrl !== undefined;
  return {
    id: isRotated ? 'oidc-provider-postgresql' : 'oidc-provider',
    title,
    server,
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    tasks: tasksOf(server, isRotated),
  };
}

function tasksOf(server: Server, isRotated: boolean): Peer['tasks'] {
  const { port } = server;
  const get = (path: string, member: string): Task => ({
    requests: () => [request('GET', path)],
    demand: demandMember(member),
  });
  return {
    'token-rs256': tokenTask('RS256'),
    'token-es256': tokenTask('ES256'),
    'token-opaque': tokenTask('opaque'),
    'refresh-rs256': refreshTask(server, 'RS256', isRotated),
    'refresh-es256': refreshTask(server, 'ES256', isRotated),
    introspect: {
      but: 'opaque',
      requests: () =>
        introspections(port, tokenRequest('opaque'), (token) => post('/token/introspection', peerClient, { token })),
      demand: demandActive,
    },
    userinfo: {
      requests: async () => {
        const tokens = await seeded(server, 'access-tokens', USERS, { scope: USER_SCOPE });
        return tokens.map((token) => userinfo('/me', token));
      },
      demand: demandUser,
    },
    jwks: get('/jwks', 'keys'),
    discovery: get('/.well-known/openid-configuration', 'issuer'),
  };
}

function tokenRequest(kind: Signed | 'opaque') {
  const form = { grant_type: 'client_credentials', resource: peerResources[kind], scope: 'read' };
  return post('/token', peerClient, form);
}

function tokenTask(kind: Signed | 'opaque'): Task {
  return { requests: () => [tokenRequest(kind)], demand: demandToken(kind) };
}

function refreshTask(server: Server, alg: Signed, isRotated: boolean): Task {
  return {
    but: isRotated ? 'rotated' : 'not rotated',
    requests: async () => {
      const tokens = await seeded(server, 'refresh-tokens', isRotated ? FAMILIES : CONNECTIONS, {
        resource: peerResources[alg],
        scope: 'read',
      });
      return tokens.map((token) => {
        const { next, ...same } = rotation('/token', peerClient, token);
        return isRotated ? { ...same, next } : same;
      });
    },
    demand: demandToken(alg, { withRefresh: true }),
  };
}
