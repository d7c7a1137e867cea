import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask, cookieOf } from './load/ask.ts';
import { basic, type PlannedRequest, request } from './load/request.ts';
import { query } from './postgresql.ts';
import { insertUsers } from './seeding/users.ts';
import { type Installation, signet } from './servers/signet.ts';
import { say, type Workspace } from './workspace.ts';

export const PASSWORD = 'a phrase that is long enough';
export const WRONG_PASSWORD = 'a phrase that is wrong enough';
export const AUDIENCE = 'polls';
export const ES256_AUDIENCE = 'polls-es256';
/** Its tokens are opaque. */
export const OPAQUE_AUDIENCE = 'polls-opaque';
const AUDIENCES = [AUDIENCE, ES256_AUDIENCE, OPAQUE_AUDIENCE];
/** Users that log in: enough to spread, few enough that their sessions are made in seconds. */
const SESSIONS = 100;

export interface Fixtures {
  readonly client: { id: string; secret: string };
  /** Usernames that all have PASSWORD. */
  readonly usernames: string[];
}

/** An empty database made ready: an API, users, a group, a client that asks for tokens of the API and serves it. */
export async function prepareSignet(
  workspace: Workspace,
  installation: Installation,
  options: { users?: number } = {},
): Promise<Fixtures> {
  say('preparing a Signet database');
  await signet(installation, ['migrate']);
  await syncApi(workspace, installation, AUDIENCE);
  await createApi(workspace, installation, ES256_AUDIENCE, ['--alg', 'ES256']);
  await createApi(workspace, installation, OPAQUE_AUDIENCE, ['--token', 'opaque']);
  await signet(installation, ['user', 'create', 'bench', '--password-stdin'], `${PASSWORD}\n`);
  await insertUsers(installation.databaseUrl, options.users ?? 1000);
  const permissions = ['add', 'change', 'view'].map((action) => `polls.${action}_choice`);
  await signet(installation, ['group', 'create', 'Poll editors']);
  await signet(installation, ['perm', 'grant', '--group', 'Poll editors', '--api', AUDIENCE, ...permissions]);
  await query(
    installation.databaseUrl,
    `insert into permissions_group_member (principal_id, group_id)
      select u.id, g.id from users_user u, permissions_group g where g.name = 'Poll editors'`,
  );
  const client = await createClient(installation, 'bench', AUDIENCES);
  for (const audience of AUDIENCES)
    await signet(installation, ['perm', 'grant', '--client', client.id, '--api', audience, 'polls.view_choice']);
  await query(installation.databaseUrl, 'analyze');
  const rows = await query(installation.databaseUrl, 'select username from users_user order by random() limit 1000');
  return { client, usernames: rows.map((row) => row['username'] as string) };
}

export async function syncApi(workspace: Workspace, installation: Installation, audience: string): Promise<void> {
  const apps = { polls: { models: ['question', 'choice'], permissions: { publish_poll: 'Can publish poll' } } };
  await signet(installation, ['api', 'sync', fixtureFile(workspace, `${audience}.json`, { audience, apps })]);
}

export function fixtureFile(workspace: Workspace, name: string, content: unknown): string {
  mkdirSync(join(workspace.folder, 'files'), { recursive: true });
  const path = join(workspace.folder, 'files', name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

async function createApi(
  workspace: Workspace,
  installation: Installation,
  audience: string,
  options: readonly string[],
): Promise<void> {
  await signet(installation, ['api', 'create', audience, ...options]);
  await syncApi(workspace, installation, audience);
}

export async function createClient(
  installation: Installation,
  name: string,
  audiences: readonly string[],
): Promise<{ id: string; secret: string }> {
  const words = audiences.flatMap((one) => ['--api', one, '--serves', one]);
  const made = await signet(installation, ['client', 'create', name, '--preset', 'service', ...words]);
  return { id: made['client_id'] as string, secret: made['client_secret'] as string };
}

/** Logs users in one after the other; answers their cookies, as a request sends them. */
export async function logIn(port: number, usernames: readonly string[], count = SESSIONS): Promise<string[]> {
  const cookies: string[] = [];
  for (const username of usernames.slice(0, count)) {
    const answer = await ask(port, request('POST', '/api/v1/login', { json: { username, password: PASSWORD } }));
    cookies.push(cookieOf(answer, 'signet_session'));
  }
  return cookies;
}

export function loginRequest(username: string, password = PASSWORD): PlannedRequest {
  return request('POST', '/api/v1/login', { json: { username, password, audience: AUDIENCE } });
}

export function sessionRequest(cookie: string): PlannedRequest {
  return request('GET', `/api/v1/session?audience=${AUDIENCE}`, { headers: { cookie } });
}

export function tokenRequest(client: { id: string; secret: string }, audience: string): PlannedRequest {
  return request('POST', '/oauth2/token', {
    headers: basic(client.id, client.secret),
    form: { grant_type: 'client_credentials', audience },
  });
}

export function sessionTokenRequest(cookie: string, audience: string): PlannedRequest {
  return request('POST', '/api/v1/token', { headers: { cookie }, json: { audience } });
}

export function introspectRequest(client: { id: string; secret: string }, token: string): PlannedRequest {
  return request('POST', '/oauth2/introspect', { headers: basic(client.id, client.secret), form: { token } });
}

/** The access token that a request is answered with. */
export async function tokenOf(port: number, request: PlannedRequest): Promise<string> {
  const { body } = await ask(port, request);
  return (JSON.parse(body) as { access_token: string }).access_token;
}

/** As many different tokens, asked for by a few at once. */
export async function tokensOf(port: number, request: PlannedRequest, count: number): Promise<string[]> {
  const tokens: string[] = [];
  const fetchSome = async () => {
    while (tokens.length < count) tokens.push(await tokenOf(port, request));
  };
  await Promise.all(Array.from({ length: 16 }, fetchSome));
  return tokens.slice(0, count);
}

export function algorithmOf(token: string): string {
  return JSON.parse(Buffer.from(token.split('.')[0] as string, 'base64url').toString()).alg;
}
