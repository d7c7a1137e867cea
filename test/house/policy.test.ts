import { subscribe } from 'node:diagnostics_channel';
import { setRole } from '../../src/permissions/index.ts';
import { endSessionsByOperator, Session } from '../../src/sessions/index.ts';
import { getUser, User, updateUser } from '../../src/users/index.ts';
import { openTestEmbedded } from '../support/database.ts';
import { basic, bearer, PASSWORD } from '../support/http.ts';
import { audit } from '../support/server.ts';
import t from '../support/tap.ts';
import { openWorld, type World } from '../support/world.ts';

// Who may do what, in one table: every route of the running server must have a row, and answers each caller as it says.

/**
 * The callers. `user` is alice, whose things are asked for; `other` bob; `staff` and `superuser` are so at Signet itself. They
 * come with the cookie of a session. `token` is an access token of alice's for Signet's API, `client` one of a service account for
 * an API that it serves, as bearers; `secret` is that service account by client_secret_basic.
 */
const callers = ['nobody', 'user', 'other', 'staff', 'superuser', 'token', 'client', 'secret'] as const;
type Caller = (typeof callers)[number];

interface Asked {
  readonly query?: string;
  readonly json?: object;
  readonly form?: Record<string, string>;
  readonly parameters?: Record<string, string>;
}

interface Row {
  /** The status for each caller, in the order above. */
  readonly answers: readonly number[];
  /** With a body of a type that the route does not take (from the user): null where there is no body. */
  readonly wrongType: number | null;
  /** From a page of another site, with the user's cookie. */
  readonly crossSite: number;
  /** It goes on until the caller leaves: the status is all that is looked at. */
  readonly isStream?: true;
  ask?(here: Here): Asked | Promise<Asked>;
}

interface Here {
  /** Another live session of alice. */
  readonly otherSession: () => Promise<string>;
  readonly servedToken: string;
  readonly name: () => string;
}

const all = (status: number) => callers.map(() => status);
/** A preflight: what a page may send is said to every page, and nothing is done. */
const preflight: Row = { answers: all(204), wrongType: null, crossSite: 204 };
const open = (status = 200): Row => ({ answers: all(status), wrongType: null, crossSite: status });
/** The own things of whoever has a session: a token for an API, whoever's, never reaches them. */
const own = (status: number) => [401, status, status, status, status, 401, 401, 401];

const table: Record<string, Row> = {
  'GET /': open(),
  'GET /.well-known/jwks.json': open(),
  'GET /.well-known/openid-configuration': open(),
  'GET /.well-known/oauth-authorization-server': open(),
  'GET /.well-known/permissions': { ...open(), ask: () => ({ query: 'audience=served' }) },
  'GET /status-lists': open(),
  'GET /status-lists/:list': { ...open(), ask: () => ({ parameters: { list: '1' } }) },
  'GET /status-lists/events': { ...open(), isStream: true },
  'GET /status-lists/:list/events': { ...open(), isStream: true, ask: () => ({ parameters: { list: '1' } }) },
  'GET /openapi.yaml': open(),
  'GET /health/live': open(),
  'GET /health/started': open(),
  'GET /health/ready': open(),
  'GET /setup': { ...open(410), ask: () => ({ query: 'token=x' }) },
  'POST /setup': { answers: all(410), wrongType: 415, crossSite: 403, ask: () => ({ form: { token: 'x' } }) },
  'POST /oauth2/token': {
    answers: [401, 401, 401, 401, 401, 401, 401, 200],
    wrongType: 415,
    crossSite: 401,
    ask: () => ({ form: { grant_type: 'client_credentials' } }),
  },
  'POST /oauth2/introspect': {
    answers: [401, 401, 401, 401, 401, 401, 401, 200],
    wrongType: 415,
    crossSite: 401,
    ask: ({ servedToken }) => ({ form: { token: servedToken } }),
  },
  'POST /oauth2/revoke': {
    answers: [401, 401, 401, 401, 401, 401, 401, 200],
    wrongType: 415,
    crossSite: 401,
    ask: () => ({ form: { token: 'x' } }),
  },
  // By a user's token with the scope openid: a service account's has none.
  'GET /oauth2/userinfo': { answers: [401, 401, 401, 401, 401, 403, 403, 401], wrongType: null, crossSite: 401 },
  'POST /oauth2/userinfo': {
    answers: [401, 401, 401, 401, 401, 403, 403, 401],
    wrongType: 415,
    crossSite: 401,
    ask: () => ({ form: {} }),
  },
  'OPTIONS /oauth2/token': preflight,
  'OPTIONS /oauth2/revoke': preflight,
  'OPTIONS /oauth2/userinfo': preflight,
  'OPTIONS /oauth2/register': preflight,
  'OPTIONS /.well-known/jwks.json': preflight,
  'OPTIONS /.well-known/oauth-authorization-server': preflight,
  'OPTIONS /.well-known/openid-configuration': preflight,
  'OPTIONS /.well-known/permissions': preflight,
  'OPTIONS /oauth2/device_authorization': preflight,
  'OPTIONS /oauth2/introspect': preflight,
  'OPTIONS /oauth2/par': preflight,
  'OPTIONS /openapi.yaml': preflight,
  'OPTIONS /status-lists': preflight,
  'OPTIONS /status-lists/:list': preflight,
  'OPTIONS /status-lists/:list/events': preflight,
  'OPTIONS /status-lists/events': preflight,
  // Off unless the operator says otherwise; then by a token of its own: test/oauth/register.test.ts.
  'POST /oauth2/register': {
    answers: all(403),
    wrongType: 415,
    crossSite: 403,
    ask: () => ({ json: { redirect_uris: ['https://app.example/cb'] } }),
  },
  // A page that asks: nothing is ended by a request that anybody could have made.
  'GET /oauth2/logout': open(),
  'POST /oauth2/logout': { ...open(), wrongType: 415, ask: () => ({ form: { state: 'x' } }) },
  'POST /oauth2/device_authorization': {
    // The service account may not use the device flow.
    answers: [401, 401, 401, 401, 401, 401, 401, 400],
    wrongType: 415,
    crossSite: 401,
    ask: () => ({ form: { scope: 'openid' } }),
  },
  // Whoever is nobody logs in first.
  'GET /oauth2/device': { answers: [303, 200, 200, 200, 200, 303, 303, 303], wrongType: null, crossSite: 200 },
  'POST /oauth2/device': {
    answers: [303, 422, 422, 422, 422, 303, 303, 303],
    wrongType: 415,
    crossSite: 403,
    ask: () => ({ form: { user_code: 'BCDF-GHJK', decision: 'allow' } }),
  },
  'GET /oauth2/authorize': { ...open(400), ask: () => ({ query: 'client_id=c_nobody' }) },
  'POST /oauth2/authorize': {
    // Other sites send people here; nothing is taken from the cookie.
    answers: all(400),
    wrongType: 415,
    crossSite: 400,
    ask: () => ({ form: { client_id: 'c_nobody' } }),
  },
  'POST /oauth2/par': {
    answers: [401, 401, 401, 401, 401, 401, 401, 400],
    wrongType: 415,
    crossSite: 401,
    ask: () => ({ form: { response_type: 'code' } }),
  },
  'GET /interaction/:id': { ...open(410), ask: () => ({ parameters: { id: 'x' } }) },
  'POST /interaction/:id': {
    answers: all(410),
    wrongType: 415,
    crossSite: 403,
    ask: () => ({ form: { decision: 'allow' }, parameters: { id: 'x' } }),
  },
  // Whoever is signed in is sent on.
  'GET /login': { answers: [200, 303, 303, 303, 303, 200, 200, 200], wrongType: null, crossSite: 303 },
  'POST /login': {
    answers: all(303),
    wrongType: 415,
    crossSite: 403,
    ask: () => ({ form: { username: 'alice', password: PASSWORD } }),
  },
  'GET /api/v1/account/grants': { answers: own(200), wrongType: null, crossSite: 200 },
  'DELETE /api/v1/account/grants/:client_id': {
    answers: own(404),
    wrongType: 415,
    crossSite: 403,
    ask: () => ({ parameters: { client_id: 'c_nobody' } }),
  },
  'POST /api/v1/signup': {
    answers: all(201),
    wrongType: 415,
    crossSite: 403,
    ask: ({ name }) => ({ json: { username: name(), password: PASSWORD } }),
  },
  'POST /api/v1/login': {
    answers: all(200),
    wrongType: 415,
    crossSite: 403,
    ask: () => ({ json: { username: 'alice', password: PASSWORD } }),
  },
  'POST /api/v1/token': {
    answers: own(200),
    wrongType: 415,
    crossSite: 403,
    ask: () => ({ json: { audience: 'served' } }),
  },
  'POST /api/v1/logout': { answers: all(204), wrongType: 415, crossSite: 403 },
  'GET /api/v1/session': open(),
  'POST /api/v1/has_perm': {
    // By cookie only with an audience; by token for its own `aud`. A secret is no token.
    answers: [401, 422, 422, 422, 422, 200, 200, 401],
    wrongType: 415,
    crossSite: 403,
    ask: () => ({ json: { perms: ['auth.add_user'] } }),
  },
  'POST /api/v1/account/password': {
    answers: own(200),
    wrongType: 415,
    crossSite: 403,
    ask: () => ({ json: { current_password: PASSWORD, new_password: 'another long enough phrase' } }),
  },
  'GET /api/v1/account/sessions': { answers: own(200), wrongType: null, crossSite: 200 },
  'DELETE /api/v1/account/sessions': { answers: own(200), wrongType: 415, crossSite: 403 },
  'DELETE /api/v1/account/sessions/:id': {
    answers: [401, 204, 404, 404, 404, 401, 401, 401],
    wrongType: 415,
    crossSite: 403,
    ask: async ({ otherSession }) => ({ parameters: { id: await otherSession() } }),
  },
  'PUT /api/v1/apis/:audience/catalogue': {
    // Only for a service account with a permission, by its token for Signet itself; before the body is looked at.
    answers: [401, 401, 401, 401, 401, 403, 401, 401],
    wrongType: 401,
    crossSite: 403,
    ask: () => ({ json: { apps: {} }, parameters: { audience: 'served' } }),
  },
  'GET /api/v1/account/permissions': { answers: own(200), wrongType: null, crossSite: 200 },
};

const routes = new Map<string, Set<string>>();
subscribe('fastify.initialization', (message) => {
  const { fastify } = message as { fastify: World['app'] };
  fastify.addHook('onRoute', ({ url, method }) => {
    const methods = routes.get(url) ?? new Set();
    for (const one of [method].flat()) methods.add(one);
    routes.set(url, methods);
  });
});

const db = await openTestEmbedded();
t.teardown(() => db.close());
const service = await openWorld(db);
const { app, http, issuer } = service;
const people: Partial<Record<Caller, string>> = {
  user: 'alice',
  other: 'bob',
  staff: 'stella',
  superuser: 'root',
  token: 'alice',
};
for (const name of ['alice', 'bob', 'stella', 'root'])
  await service.user(name, { isStaff: name === 'stella', isSuperuser: name === 'root' });
const served = await service.api('served');
const stella = await db.fork().findOneOrFail(User, { username: 'stella' });
await setRole(db.fork(), audit(), { id: stella.id, label: 'stella' }, served, { isStaff: true, isSuperuser: false });
const client = await service.client('the service', { requests: [served], serves: [served] });
const hash = stella.password;

/** Every cell begins with a fresh session, since the one before may have ended it or changed its password. */
async function logIn(username: string, audience?: string) {
  await db.fork().nativeUpdate(User, { username }, { password: hash });
  return http.logIn(username, audience ? { audience } : {});
}

async function headersOf(caller: Caller): Promise<Record<string, string>> {
  const name = people[caller];
  if (caller === 'token') return { authorization: `Bearer ${(await logIn('alice', issuer)).token}` };
  if (name !== undefined) return { cookie: (await logIn(name)).cookie };
  if (caller === 'secret') return basic(client);
  if (caller !== 'client') return {};
  const response = await http.oauth('token', { grant_type: 'client_credentials' }, client);
  return bearer(response.json().access_token);
}

let names = 0;
const here: Here = {
  otherSession: async () => (await logIn('alice')).sid,
  servedToken: (await logIn('alice', 'served')).token,
  name: () => `newcomer${++names}`,
};

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

async function send(route: string, headers: Record<string, string>, type?: string) {
  const [method, path] = route.split(' ') as [Method, string];
  const { query, json, form, parameters = {} } = (await table[route]?.ask?.(here)) ?? {};
  const url = path.replace(/:(\w+)/g, (_, name: string) => parameters[name] ?? '') + (query ? `?${query}` : '');
  const payload = json ? JSON.stringify(json) : form ? new URLSearchParams(form).toString() : undefined;
  const own = json ? 'application/json' : form ? 'application/x-www-form-urlencoded' : undefined;
  const contentType = type ?? own;
  if (table[route]?.isStream) {
    const response = await app.inject({ method, url, headers, payloadAsStream: true });
    response.stream().destroy();
    return { statusCode: response.statusCode, headers: response.headers, body: '' };
  }
  return app.inject({
    method,
    url,
    headers: { ...headers, ...(contentType ? { 'content-type': contentType } : {}) },
    ...(payload ? { payload } : type ? { payload: 'x' } : {}),
  });
}

t.test('attacks 89: every route has a row, every row a route', async (t) => {
  const all = [...routes].flatMap(([url, methods]) =>
    [...methods].filter((method) => method !== 'HEAD').map((method) => `${method} ${url}`),
  );
  t.same(all.sort(), Object.keys(table).sort());
  for (const [url, methods] of routes) t.equal(methods.has('HEAD'), methods.has('GET'), `HEAD goes with GET at ${url}`);
});

for (const [route, row] of Object.entries(table))
  t.test(route, async (t) => {
    for (const [i, caller] of callers.entries()) {
      const response = await send(route, await headersOf(caller));
      t.equal(response.statusCode, row.answers[i], `${caller} ${response.body.slice(0, 200)}`);
    }
    const { cookie } = await logIn('alice');
    const crossSite = { cookie, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
    const foreign = await send(route, crossSite);
    t.equal(foreign.statusCode, row.crossSite, 'a page of another site');
    t.not(foreign.headers['access-control-allow-credentials'], 'true', 'which may not read with the cookie');
    if (row.wrongType === null) return;
    // attacks 45: what a form or a script can send without asking first.
    for (const type of ['text/plain', 'multipart/form-data; boundary=x', 'application/octet-stream', 'text/json'])
      t.equal((await send(route, { cookie }, type)).statusCode, row.wrongType, type);
  });

t.test(
  'attacks 79: whose session, account or client is over is nobody at every route, by cookie and by token',
  async (t) => {
    const now = { at: service.clock.now() };
    const change = async (set: object) => {
      await db.fork().nativeUpdate(User, { username: 'mallory' }, set);
    };
    await service.user('mallory', { isStaff: true, isSuperuser: true });
    const em = () => db.fork();
    const mallory = () => getUser(em(), 'mallory');
    const { authorization: machine = '' } = await headersOf('client');
    const other = await service.client('closed');
    const ways: Record<string, () => Promise<void>> = {
      'logged out': async () => {
        await em().transactional(async (tx) => endSessionsByOperator(tx, audit(now.at), await getUser(tx, 'mallory')));
      },
      deactivated: async () => {
        await updateUser(em(), audit(now.at), await mallory(), { isActive: false });
      },
      'with another password': () => change({ passwordEpoch: 77 }),
      'after the longest time': async () => {
        await em().nativeUpdate(Session, { endedAt: null }, { expiresAt: now.at });
      },
    };
    const held: { what: string; headers: Record<string, string> }[] = [];
    for (const [what, end] of Object.entries(ways)) {
      const { cookie, token } = await logIn('mallory', issuer);
      await end();
      held.push({ what: `${what}, cookie`, headers: { cookie } });
      held.push({ what: `${what}, token`, headers: { authorization: `Bearer ${token}` } });
      // Activated again, so that what is refused is what was given before.
      await change({ isActive: true });
    }
    await service.updateClient(client, { isActive: false });
    await service.updateClient(other, { isActive: false });
    held.push({ what: 'client disabled, token', headers: { authorization: machine } });
    held.push({ what: 'client disabled, secret', headers: basic(client) });
    held.push({ what: 'client never used, secret', headers: basic(other) });
    for (const [route, row] of Object.entries(table))
      for (const { what, headers } of held) {
        const response = await send(route, headers);
        t.equal(response.statusCode, row.answers[0], `${route}: ${what}`);
      }
  },
);

t.test('a method that a path does not take is 405 with Allow, whoever asks', async (t) => {
  const { cookie } = await logIn('root');
  for (const [url, methods] of routes)
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'] as const) {
      if (methods.has(method)) continue;
      const path = url.replace(/:\w+/g, '0196d3a0-0000-7000-8000-000000000000');
      for (const headers of [{}, { cookie }, basic(client)]) {
        const response = await app.inject({ method: method as 'GET', url: path, headers });
        t.same(
          [response.statusCode, response.headers['allow']],
          [405, [...methods].sort().join(', ')],
          `${method} ${url}`,
        );
      }
    }
});
