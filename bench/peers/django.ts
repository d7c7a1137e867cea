import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { request } from '../load/request.ts';
import type { Postgresql } from '../postgresql.ts';
import { type Server, startServer } from '../servers/server.ts';
import { cleanEnvironment, freePort, type Workspace } from '../workspace.ts';
import { absenceOf, folderOf } from './installed.ts';
import type { OptionalPeer } from './optional.ts';
import { demandActive, demandMember, demandToken, demandUser, type Peer } from './peer.ts';
import { madeOf, recipeFolder } from './recipes.ts';
import { FAMILIES, introspections, peerPassword, post, rotation, USER_SCOPE, USERS, userinfo } from './requests.ts';
import { seeded } from './seeded.ts';

const client = { id: 'bench', secret: 'a-secret-of-the-bench-only-0123456789' };
/** Of people: what is refreshed, and asked for claims. */
const ofPeople = { ...client, id: 'bench-people' };
/** Threads of all processes together: as many connections as Signet's pool has. */
const THREADS = 10;

/** Django with django-oauth-toolkit under gunicorn, a process for each core. */
export const django: OptionalPeer = {
  name: 'django',
  title: 'Django',
  works: [
    ...(['login', 'session', 'has_perm', 'token-opaque', 'refresh-rs256', 'introspect', 'userinfo'] as const),
    ...(['jwks', 'discovery'] as const),
  ],
  absence: () => absenceOf('django', madeOf('django')),
  async start(workspace: Workspace, postgresql: Postgresql): Promise<Peer> {
    const port = await freePort();
    const databaseUrl = await postgresql.createDatabase('django_bench');
    const env = {
      DATABASE_URL: databaseUrl,
      DJANGO_SETTINGS_MODULE: 'settings',
      PYTHONPATH: recipeFolder('django'),
      PYTHONDONTWRITEBYTECODE: '1',
      OIDC_RSA_PRIVATE_KEY: generateKeyPairSync('rsa', { modulusLength: 2048 })
        .privateKey.export({ type: 'pkcs8', format: 'pem' })
        .toString(),
      CLIENT_ID: client.id,
      CLIENT_SECRET: client.secret,
      USER_PASSWORD: peerPassword,
    };
    const bin = join(folderOf('django'), 'venv/bin');
    await run(join(bin, 'python'), [join(recipeFolder('django'), 'seed.py')], { env: cleanEnvironment(env) });
    const workers = availableParallelism();
    const server = await startServer(workspace, {
      name: 'Django',
      command: join(bin, 'gunicorn'),
      args: [
        ...['--bind', `127.0.0.1:${port}`, '--worker-class', 'gthread', '--workers', String(workers)],
        ...['--threads', String(Math.max(1, Math.floor(THREADS / workers))), '--keep-alive', '60'],
        'django.core.wsgi:get_wsgi_application()',
      ],
      env,
      port,
      readyPath: '/o/.well-known/openid-configuration',
    });
    return { id: 'django', title: 'Django', server, databaseUrl, tasks: tasksOf(server) };
  },
};

const run = promisify(execFile);

function tasksOf(server: Server): Peer['tasks'] {
  const { port } = server;
  const cookies = async () =>
    (await seeded(server, 'sessions', USERS, {})).map((key) => ({ cookie: `sessionid=${key}` }));
  const ofUsers = { client: ofPeople.id, scope: USER_SCOPE };
  const token = post('/o/token/', client, { grant_type: 'client_credentials', scope: 'read' });
  return {
    login: {
      requests: () =>
        Array.from({ length: USERS }, (_, n) =>
          request('POST', '/login', { json: { username: `u${n + 1}`, password: peerPassword } }),
        ),
      demand: demandMember('username'),
    },
    session: {
      requests: async () => (await cookies()).map((headers) => request('GET', '/session', { headers })),
      demand: demandMember('permissions'),
    },
    has_perm: {
      but: 'by session',
      requests: async () =>
        (await cookies()).map((headers) =>
          request('POST', '/has_perm', { headers, json: { perms: ['auth.add_user', 'auth.delete_user'] } }),
        ),
      demand: demandMember('has_perm'),
    },
    'token-opaque': { requests: () => [token], demand: demandToken('opaque') },
    'refresh-rs256': {
      but: 'opaque, rotated',
      requests: async () =>
        (await seeded(server, 'refresh-tokens', FAMILIES, ofUsers)).map((one) => rotation('/o/token/', ofPeople, one)),
      demand: demandToken('opaque', { withRefresh: true }),
    },
    introspect: {
      but: 'opaque',
      requests: () => introspections(port, token, (one) => post('/o/introspect/', client, { token: one })),
      demand: demandActive,
    },
    userinfo: {
      requests: async () =>
        (await seeded(server, 'access-tokens', USERS, ofUsers)).map((one) => userinfo('/o/userinfo/', one)),
      demand: demandUser,
    },
    jwks: { requests: () => [request('GET', '/o/.well-known/jwks.json')], demand: demandMember('keys') },
    discovery: {
      requests: () => [request('GET', '/o/.well-known/openid-configuration')],
      demand: demandMember('issuer'),
    },
  };
}
