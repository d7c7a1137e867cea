import { execFile } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ask } from '../load/ask.ts';
import { request } from '../load/request.ts';
import type { Postgresql } from '../postgresql.ts';
import { type Server, startServer } from '../servers/server.ts';
import { cleanEnvironment, freePort, type Workspace } from '../workspace.ts';
import { signIn } from './hydra-sign-in.ts';
import { absenceOf, folderOf } from './installed.ts';
import type { OptionalPeer } from './optional.ts';
import { demandActive, demandMember, demandToken, demandUser, type Peer, type Task } from './peer.ts';
import { madeOf } from './recipes.ts';
import { CONNECTIONS, type Credentials, inTurn, introspections, post, rotation, USERS, userinfo } from './requests.ts';

/** It stalls with 20 and with 32: it takes a second connection while it holds one. */
const POOL = 62;
const CALLBACK = 'https://app.example/callback';
const SCOPE = 'openid offline_access profile email read';

export const hydra: OptionalPeer = {
  name: 'hydra',
  title: 'Hydra',
  works: [
    ...(['token-rs256', 'token-opaque', 'refresh-rs256', 'introspect', 'userinfo', 'jwks', 'discovery'] as const),
  ],
  absence: () => absenceOf('hydra', madeOf('hydra')),
  async start(workspace: Workspace, postgresql: Postgresql): Promise<Peer> {
    const [port, adminPort] = [await freePort(), await freePort()];
    const program = join(folderOf('hydra'), 'hydra');
    const databaseUrl = await postgresql.createDatabase('hydra_bench');
    const env = settings(databaseUrl, port, adminPort);
    await run(program, ['migrate', 'sql', 'up', '--read-from-env', '--yes'], { env: cleanEnvironment(env) });
    const server = await startServer(workspace, {
      name: 'Hydra',
      command: program,
      args: ['serve', 'all', '--dev', '--sqa-opt-out'],
      env,
      port,
      readyPath: '/health/ready',
    });
    await importKeys(adminPort);
    const clients = { jwt: await createClient(adminPort, 'jwt'), opaque: await createClient(adminPort, 'opaque') };
    return { id: 'hydra', title: 'Hydra', server, databaseUrl, tasks: tasksOf(server, adminPort, clients) };
  },
};

const run = promisify(execFile);

function settings(databaseUrl: string, port: number, adminPort: number): Record<string, string> {
  const dsn = new URL(databaseUrl);
  dsn.search = new URLSearchParams({
    sslmode: 'disable',
    max_conns: String(POOL),
    max_idle_conns: String(POOL),
  }).toString();
  return {
    DSN: dsn.href,
    SECRETS_SYSTEM: randomBytes(24).toString('hex'),
    URLS_SELF_ISSUER: `http://127.0.0.1:${port}`,
    URLS_LOGIN: 'https://app.example/login',
    URLS_CONSENT: 'https://app.example/consent',
    SERVE_PUBLIC_HOST: '127.0.0.1',
    SERVE_PUBLIC_PORT: String(port),
    SERVE_ADMIN_HOST: '127.0.0.1',
    SERVE_ADMIN_PORT: String(adminPort),
    // One round: a secret of a client is random, and the others compare it or one digest of it.
    OAUTH2_HASHERS_ALGORITHM: 'pbkdf2',
    OAUTH2_HASHERS_PBKDF2_ITERATIONS: '1',
    OIDC_SUBJECT_IDENTIFIERS_SUPPORTED_TYPES: 'public',
    LOG_LEVEL: 'error',
  };
}

/** RSA of 2,048 bits, as the others sign with; by itself it makes keys of 4,096. */
async function importKeys(adminPort: number): Promise<void> {
  for (const set of ['hydra.openid.id-token', 'hydra.jwt.access-token']) {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = { ...privateKey.export({ format: 'jwk' }), kid: `bench-${set}`, use: 'sig', alg: 'RS256' };
    await ask(adminPort, request('PUT', `/admin/keys/${set}`, { json: { keys: [key] } }));
  }
}

async function createClient(adminPort: number, strategy: 'jwt' | 'opaque'): Promise<Credentials> {
  const secret = 'a-secret-of-the-bench-only-0123456789';
  const json = {
    ...{ client_name: strategy, client_secret: secret, token_endpoint_auth_method: 'client_secret_basic' },
    grant_types: ['client_credentials', 'authorization_code', 'refresh_token'],
    ...{ response_types: ['code'], redirect_uris: [CALLBACK], scope: SCOPE },
    access_token_strategy: strategy,
  };
  const { body } = await ask(adminPort, request('POST', '/admin/clients', { json }), 201);
  return { id: JSON.parse(body).client_id, secret };
}

function tasksOf(server: Server, adminPort: number, clients: Record<'jwt' | 'opaque', Credentials>): Peer['tasks'] {
  const { port } = server;
  const asked = (client: Credentials) =>
    post('/oauth2/token', client, { grant_type: 'client_credentials', scope: 'read' });
  const token = (strategy: 'jwt' | 'opaque'): Task => ({
    requests: () => [asked(clients[strategy])],
    demand: demandToken(strategy === 'jwt' ? 'RS256' : 'opaque'),
  });
  const signedIn = (client: Credentials, count: number) =>
    inTurn(
      Array.from({ length: count }, (_, n) => `u${n}`),
      8,
      (user) => signIn({ port, adminPort, client, user, scope: SCOPE, callback: CALLBACK }),
    );
  return {
    'token-rs256': token('jwt'),
    'token-opaque': token('opaque'),
    'refresh-rs256': {
      but: `rotated, ${CONNECTIONS} families`,
      requests: async () =>
        (await signedIn(clients.jwt, CONNECTIONS)).map((one) =>
          rotation('/oauth2/token', clients.jwt, one.refresh_token),
        ),
      demand: demandToken('RS256', { withRefresh: true }),
    },
    introspect: {
      but: 'opaque',
      port: adminPort,
      requests: () =>
        introspections(port, asked(clients.opaque), (one) =>
          request('POST', '/admin/oauth2/introspect', { form: { token: one } }),
        ),
      demand: demandActive,
    },
    userinfo: {
      requests: async () =>
        (await signedIn(clients.opaque, USERS)).map((one) => userinfo('/userinfo', one.access_token)),
      demand: demandUser,
    },
    jwks: { requests: () => [request('GET', '/.well-known/jwks.json')], demand: demandMember('keys') },
    discovery: {
      requests: () => [request('GET', '/.well-known/openid-configuration')],
      demand: demandMember('issuer'),
    },
  };
}
