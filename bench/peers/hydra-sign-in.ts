import { type Answer, ask } from '../load/ask.ts';
import { request } from '../load/request.ts';
import { type Credentials, post } from './requests.ts';

export interface SignIn {
  readonly port: number;
  readonly adminPort: number;
  readonly client: Credentials;
  readonly user: string;
  readonly scope: string;
  readonly callback: string;
}

/** One user by the code flow, whose login and consent are accepted as Hydra's own application would: by its admin API. */
export async function signIn(given: SignIn): Promise<{ access_token: string; refresh_token: string }> {
  const { port, client, user, scope, callback } = given;
  const jar = new Map<string, string>();
  const query = new URLSearchParams({
    ...{ client_id: client.id, response_type: 'code', scope, redirect_uri: callback },
    state: 'of-the-bench-only',
  });
  let at = await visit(port, `/oauth2/auth?${query}`, jar);
  at = await accept(given, 'login', at, { subject: user });
  at = await visit(port, at.pathname + at.search, jar);
  at = await accept(given, 'consent', at, {
    grant_scope: scope.split(' '),
    session: { id_token: { email: `${user}@bench.example`, name: `User ${user}` } },
  });
  at = await visit(port, at.pathname + at.search, jar);
  const code = at.searchParams.get('code');
  if (code === null) throw new Error(`Hydra gave no code: ${at.href}`);
  const form = { grant_type: 'authorization_code', code, redirect_uri: callback };
  return JSON.parse((await ask(port, post('/oauth2/token', client, form))).body);
}

/** Where a browser with these cookies is sent. */
async function visit(port: number, path: string, jar: Map<string, string>): Promise<URL> {
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
  const answer = await ask(port, request('GET', path, { headers: cookie ? { cookie } : {} }), [302, 303]);
  for (const one of answer.headers['set-cookie'] ?? []) {
    const [name = '', value = ''] = (one.split(';', 1)[0] as string).split(/=(.*)/s);
    jar.set(name, value);
  }
  return locationOf(answer);
}

function locationOf({ headers }: Answer): URL {
  return new URL(headers.location as string);
}

async function accept({ adminPort }: SignIn, what: 'login' | 'consent', at: URL, json: object): Promise<URL> {
  const challenge = at.searchParams.get(`${what}_challenge`);
  if (challenge === null) throw new Error(`Hydra asks for no ${what}: ${at.href}`);
  const query = new URLSearchParams({ [`${what}_challenge`]: challenge });
  const path = `/admin/oauth2/auth/requests/${what}/accept?${query}`;
  const { body } = await ask(adminPort, request('PUT', path, { json }));
  return new URL(JSON.parse(body).redirect_to);
}
