import { join } from 'node:path';
import { ask } from '../load/ask.ts';
import { type PlannedRequest, request } from '../load/request.ts';
import type { Postgresql } from '../postgresql.ts';
import { type Server, startServer } from '../servers/server.ts';
import { freePort, type Workspace } from '../workspace.ts';
import { absenceOf, folderOf } from './installed.ts';
import { javaHome, OLDEST_JAVA } from './java.ts';
import type { OptionalPeer } from './optional.ts';
import { demandActive, demandMember, demandToken, demandUser, type Peer, type Signed, type Task } from './peer.ts';
import { madeOf } from './recipes.ts';
import {
  CONNECTIONS,
  inTurn,
  introspections,
  peerPassword,
  post,
  rotation,
  USER_SCOPE,
  USERS,
  userinfo,
} from './requests.ts';

const secret = 'a-secret-of-the-bench-only-0123456789';
const clients = { RS256: { id: 'bench-rs256', secret }, ES256: { id: 'bench-es256', secret } };
const admin = { username: 'bench', password: 'of-the-bench-only' };
const protocol = '/realms/bench/protocol/openid-connect';
/** As many as the load has connections: none of its threads waits for one. */
const POOL = CONNECTIONS;
const PATIENCE_SECONDS = 300;

export const keycloak: OptionalPeer = {
  name: 'keycloak',
  title: 'Keycloak',
  works: [
    ...(['login', 'token-rs256', 'token-es256', 'refresh-rs256', 'refresh-es256'] as const),
    ...(['introspect', 'userinfo', 'jwks', 'discovery'] as const),
  ],
  absence: () =>
    absenceOf('keycloak', madeOf('keycloak')) ??
    (javaHome() === undefined ? `there is no Java ${OLDEST_JAVA} or newer (JAVA_HOME names it)` : undefined),
  async start(workspace: Workspace, postgresql: Postgresql): Promise<Peer> {
    const port = await freePort();
    const database = new URL(await postgresql.createDatabase('keycloak_bench'));
    const server = await startServer(workspace, {
      name: 'Keycloak',
      command: join(folderOf('keycloak'), 'server/bin/kc.sh'),
      args: [
        ...['start', '--optimized', '--cache=local', '--http-enabled=true', '--hostname-strict=false'],
        ...['--http-host=127.0.0.1', `--http-port=${port}`, `--db-pool-max-size=${POOL}`],
        `--db-url=jdbc:postgresql://${database.host}${database.pathname}`,
      ],
      env: {
        JAVA_HOME: javaHome() as string,
        KC_DB_USERNAME: decodeURIComponent(database.username),
        KC_DB_PASSWORD: decodeURIComponent(database.password),
        KC_BOOTSTRAP_ADMIN_USERNAME: admin.username,
        KC_BOOTSTRAP_ADMIN_PASSWORD: admin.password,
      },
      port,
      readyPath: '/realms/master/.well-known/openid-configuration',
      patienceSeconds: PATIENCE_SECONDS,
    });
    await createRealm(server);
    return { id: 'keycloak', title: 'Keycloak', server, databaseUrl: database.href, tasks: tasksOf(server) };
  },
};

/** One request: a realm with its clients and its users. */
async function createRealm({ port }: Server): Promise<void> {
  const form = { grant_type: 'password', client_id: 'admin-cli', ...admin };
  const { body } = await ask(port, request('POST', '/realms/master/protocol/openid-connect/token', { form }));
  const headers = { authorization: `Bearer ${JSON.parse(body).access_token}` };
  const json = {
    ...{ realm: 'bench', enabled: true, sslRequired: 'none', accessTokenLifespan: 600 },
    // "Revoke Refresh Token": each is used once.
    ...{ revokeRefreshToken: true, refreshTokenMaxReuse: 0 },
    clients: [clientOf('RS256'), clientOf('ES256')],
    users: Array.from({ length: USERS }, (_, n) => ({
      ...{ username: `u${n}`, enabled: true, email: `u${n}@bench.example`, emailVerified: true },
      ...{ firstName: 'User', lastName: String(n) },
      credentials: [{ type: 'password', value: peerPassword, temporary: false }],
    })),
  };
  await ask(port, request('POST', '/admin/realms', { headers, json }), 201);
}

function clientOf(alg: Signed) {
  const { id, secret } = clients[alg];
  return {
    ...{ clientId: id, secret, publicClient: false, standardFlowEnabled: false },
    ...{ serviceAccountsEnabled: true, directAccessGrantsEnabled: true },
    attributes: { 'access.token.signed.response.alg': alg },
    // Only an audience of a token may introspect it.
    protocolMappers: [
      {
        ...{ name: 'audience', protocol: 'openid-connect', protocolMapper: 'oidc-audience-mapper' },
        config: {
          'included.client.audience': id,
          'access.token.claim': 'true',
          'introspection.token.claim': 'true',
        },
      },
    ],
  };
}

function tasksOf({ port }: Server): Peer['tasks'] {
  const asked = (alg: Signed) => post(`${protocol}/token`, clients[alg], { grant_type: 'client_credentials' });
  const token = (alg: Signed): Task => ({ requests: () => [asked(alg)], demand: demandToken(alg) });
  const refresh = (alg: Signed): Task => ({
    but: `rotated, ${CONNECTIONS} families`,
    requests: async () =>
      (await logIn(port, alg, CONNECTIONS)).map((one) =>
        rotation(`${protocol}/token`, clients[alg], one.refresh_token),
      ),
    demand: demandToken(alg, { withRefresh: true }),
  });
  return {
    login: {
      requests: () => Array.from({ length: USERS }, (_, n) => login('RS256', n)),
      demand: demandToken('RS256', { withRefresh: true }),
    },
    'token-rs256': token('RS256'),
    'token-es256': token('ES256'),
    'refresh-rs256': refresh('RS256'),
    'refresh-es256': refresh('ES256'),
    introspect: {
      requests: () =>
        introspections(port, asked('RS256'), (one) =>
          post(`${protocol}/token/introspect`, clients.RS256, { token: one }),
        ),
      demand: demandActive,
    },
    userinfo: {
      requests: async () =>
        (await logIn(port, 'RS256', USERS)).map((one) => userinfo(`${protocol}/userinfo`, one.access_token)),
      demand: demandUser,
    },
    jwks: { requests: () => [request('GET', `${protocol}/certs`)], demand: demandMember('keys') },
    discovery: {
      requests: () => [request('GET', '/realms/bench/.well-known/openid-configuration')],
      demand: demandMember('issuer'),
    },
  };
}

function login(alg: Signed, nth: number): PlannedRequest {
  const form = { grant_type: 'password', username: `u${nth % USERS}`, password: peerPassword, scope: USER_SCOPE };
  return post(`${protocol}/token`, clients[alg], form);
}

/** As many users, each by a login of the password grant. */
function logIn(port: number, alg: Signed, count: number) {
  return inTurn(
    Array.from({ length: count }, (_, n) => login(alg, n)),
    2,
    async (one) => {
      return JSON.parse((await ask(port, one)).body) as { access_token: string; refresh_token: string };
    },
  );
}
