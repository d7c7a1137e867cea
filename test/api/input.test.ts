import { User } from '../../src/users/index.ts';
import { openTestEmbedded } from '../support/database.ts';
import { PASSWORD } from '../support/http.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';

const db = await openTestEmbedded();
t.teardown(() => db.close());
const { app, http, user } = await openWorld(db);
await user('alice');

type Headers = Record<string, string>;
const post = (url: string, payload: string | Buffer, headers: Headers = { 'content-type': 'application/json' }) =>
  app.inject({ method: 'POST', url, payload, headers });
const login = (payload: string | Buffer, headers?: Headers) => post('/api/v1/login', payload, headers);
const good = JSON.stringify({ username: 'alice', password: PASSWORD });

t.test('docs/login-api.md: every refusal is a problem document with a stable code (RFC 9457 §3)', async (t) => {
  const response = await login('{');
  t.equal(response.headers['content-type'], 'application/problem+json; charset=utf-8');
  t.match(response.json(), { type: 'about:blank', status: 400, code: 'bad_request', title: String, detail: String });
  t.match(response.headers['x-request-id'], /^[0-9a-f-]{36}$/);
});

t.test('docs/login-api.md: unreadable JSON, encoding, NUL and lone surrogates are 400', async (t) => {
  for (const [what, body] of Object.entries({
    'no JSON': '{"username":',
    nothing: '',
    'only space': '  ',
    'two documents': '{}{}',
    'NUL, escaped': '{"username":"a\\u0000","password":"x"}',
    'a lone surrogate': '{"username":"\\ud800","password":"x"}',
    'NUL in a name of a field': '{"user\\u0000name":"a"}',
    'invalid UTF-8': Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    __proto__: '{"__proto__":{"x":1},"username":"a","password":"b"}',
    'constructor.prototype': '{"constructor":{"prototype":{"x":1}},"username":"a","password":"b"}',
    'attacks 101: deep nesting': `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  }))
    t.equal((await login(body)).statusCode, 400, what);
  t.equal((await app.inject('/api/v1/session?audience=%00')).statusCode, 400, 'NUL in the query');
  t.equal((await app.inject('/api/v1/session?audience=%ff')).statusCode, 400, 'invalid UTF-8 in the query');
  t.equal((await app.inject('/api/v1/session?audience=a&audience=b')).statusCode, 400, 'attacks 49: a parameter twice');
  t.equal((await app.inject('/%ff')).statusCode, 400, 'an unreadable path');
});

t.test(
  'attacks 45 and 95: only application/json, however it is spelled, is 415 or taken as JSON; never a way round the schema',
  async (t) => {
    for (const type of [
      'text/plain',
      'multipart/form-data; boundary=x',
      'application/x-www-form-urlencoded',
      'application/json\ta',
      'application/json; charset=latin1',
      'application/json, text/plain',
      'application/jsonx',
      'text/json',
      '',
    ])
      t.equal((await login(good, { 'content-type': type })).statusCode, 415, JSON.stringify(type));
    for (const type of [
      'application/json',
      'APPLICATION/JSON',
      'application/json;charset=utf-8',
      'application/json ; charset=UTF-8',
    ])
      t.equal(
        (await login(JSON.stringify({ username: 'alice' }), { 'content-type': type })).statusCode,
        422,
        `${type}: the schema still holds`,
      );
  },
);

t.test('docs/login-api.md: a body over 64 KiB is 413', async (t) => {
  const response = await login(JSON.stringify({ username: 'alice', password: 'x'.repeat(70_000) }));
  t.same([response.statusCode, response.json().code], [413, 'too_large']);
});

t.test('docs/login-api.md: what the schema refuses is 422 with a pointer; no coercion, nothing dropped', async (t) => {
  const pointers = async (body: unknown) =>
    (await login(JSON.stringify(body))).json().errors?.map((one: { pointer: string; code: string }) => one.pointer);
  t.same(await pointers({ username: 'alice' }), ['/password']);
  t.same(await pointers({ username: 'alice', password: PASSWORD, is_superuser: true }), ['/is_superuser']);
  t.same(await pointers({ username: 'alice', password: PASSWORD, 'a/b~c': 1 }), ['/a~1b~0c']);
  for (const [name, value] of Object.entries({
    number: 12345,
    null: null,
    array: [PASSWORD],
    boolean: true,
    object: {},
  }))
    t.same(await pointers({ username: 'alice', password: value }), ['/password'], name);
  t.equal((await login('[]')).statusCode, 422);
  t.equal((await login('"text"')).statusCode, 422);
  t.equal((await app.inject('/api/v1/session?nonsense=1')).statusCode, 422, 'unknown parameters of the query too');
});

t.test('docs/login-api.md: a wrong method is 405 with Allow, an unknown path 404', async (t) => {
  for (const [method, url, allow] of [
    ['GET', '/api/v1/login', 'POST'],
    ['PUT', '/api/v1/session', 'GET, HEAD'],
    ['POST', '/.well-known/jwks.json', 'GET, HEAD, OPTIONS'],
    ['PATCH', '/api/v1/account/sessions', 'DELETE, GET, HEAD'],
    ['POST', '/api/v1/account/sessions/0196d3a0-0000-7000-8000-000000000000', 'DELETE'],
    ['DELETE', '/setup', 'GET, HEAD, POST'],
  ] as const) {
    const response = await app.inject({ method, url });
    t.same([response.statusCode, response.headers['allow']], [405, allow], `${method} ${url}`);
  }
  for (const url of [
    '/nowhere',
    '/api/v1/login/',
    '/API/v1/login',
    '//api/v1/login',
    '/api/v1/login;x',
    '/api/v1/..%2flogin',
  ])
    t.equal((await app.inject({ method: 'POST', url })).statusCode, 404, url);
});

t.test('docs/login-api.md: the one cross-origin rule', async (t) => {
  const from = async (headers: Headers) =>
    (await login(good, { 'content-type': 'application/json', ...headers })).statusCode;
  t.equal(await from({}), 200, 'neither header: no browser');
  t.equal(await from({ 'sec-fetch-site': 'same-origin', origin: 'http://localhost:4000' }), 200);
  t.equal(await from({ 'sec-fetch-site': 'none' }), 200);
  t.equal(await from({ 'sec-fetch-site': 'cross-site' }), 403);
  t.equal(await from({ 'sec-fetch-site': 'same-site' }), 403);
  t.equal(
    await from({ 'sec-fetch-site': 'cross-site', origin: 'http://localhost:4000' }),
    403,
    'Sec-Fetch-Site decides where it is present',
  );
  t.equal(await from({ origin: 'http://localhost:4000' }), 200);
  t.equal(await from({ origin: 'https://evil.example' }), 403);
  t.equal(await from({ origin: 'null' }), 403);
  t.equal(await from({ origin: 'http://localhost:4000.evil.example' }), 403);
  t.equal(
    (await app.inject({ url: '/api/v1/session', headers: { 'sec-fetch-site': 'cross-site' } })).statusCode,
    200,
    'reading is harmless',
  );
  t.equal((await http.form('/setup', '', { 'sec-fetch-site': 'cross-site' })).json().code, 'cross_origin');
  t.equal(
    (await app.inject({ method: 'POST', url: '/api/v1/logout', headers: { origin: 'https://evil.example' } }))
      .statusCode,
    403,
  );
});

t.test('docs/login-api.md: trusted origins pass and get CORS with credentials on /api/v1, others none', async (t) => {
  const trusting = await openWorld(db, { environment: { SIGNET_TRUSTED_ORIGINS: 'https://app.example' } });
  const ask = (origin: string) => trusting.http.json('/api/v1/login', good, { origin, 'sec-fetch-site': 'cross-site' });
  const trusted = await ask('https://app.example');
  t.same(
    [
      trusted.statusCode,
      trusted.headers['access-control-allow-origin'],
      trusted.headers['access-control-allow-credentials'],
    ],
    [200, 'https://app.example', 'true'],
  );
  const foreign = await ask('https://app.example.evil.example');
  t.same([foreign.statusCode, foreign.headers['access-control-allow-origin']], [403, undefined]);
  const preflight = await trusting.app.inject({
    method: 'OPTIONS',
    url: '/api/v1/login',
    headers: {
      origin: 'https://app.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    },
  });
  t.equal(preflight.statusCode, 204);
  t.equal(preflight.headers['access-control-allow-origin'], 'https://app.example');
  await trusting.app.close();
});

t.test(
  'Fetch §4.8: a preflight is answered where there is a route, and tells CORS to trusted origins alone',
  async (t) => {
    const trusting = await openWorld(db, { environment: { SIGNET_TRUSTED_ORIGINS: 'https://app.example' } });
    const ask = (url: string, origin: string, wanted = 'POST') =>
      trusting.app.inject({
        method: 'OPTIONS',
        url,
        headers: {
          origin,
          'access-control-request-method': wanted,
          'access-control-request-headers': 'content-type, x-a',
        },
      });
    const told = (answer: Awaited<ReturnType<typeof ask>>) =>
      Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'));
    const id = '0196d3a0-0000-7000-8000-000000000000';
    for (const url of ['/api/v1/login', '/api/v1/session', `/api/v1/account/sessions/${id}`]) {
      const { statusCode, headers, body } = await ask(url, 'https://app.example');
      t.same([statusCode, body], [204, ''], url);
      t.match(headers, {
        'access-control-allow-origin': 'https://app.example',
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'GET, POST, DELETE',
        'access-control-allow-headers': 'content-type, x-a',
        vary: 'Origin, Access-Control-Request-Headers',
      });
      for (const origin of ['https://app.example.evil.example', 'null', 'https://evil.example']) {
        const foreign = await ask(url, origin);
        t.same(
          [foreign.statusCode, told(foreign), foreign.headers['vary']],
          [204, [], headers['vary']],
          `${url} ${origin}`,
        );
      }
    }
    for (const url of ['/nowhere', '/api/v1/nowhere', '/api/v1/login/', `/api/v1/account/sessions/${id}/x`, '/*', '*'])
      for (const origin of ['https://app.example', 'https://evil.example']) {
        const answer = await ask(url, origin);
        t.same([answer.statusCode, told(answer)], [404, []], `${url} ${origin}`);
      }
    // RFC 9700 §2.6; what discovery names is open to every origin: test/clients/cors.e2e.test.ts.
    for (const url of ['/setup', '/oauth2/authorize', '/oauth2/logout']) {
      const answer = await ask(url, 'https://app.example');
      t.same([answer.statusCode, told(answer)], [405, []], `${url} has no business with other origins`);
    }
    const wrong = await trusting.app.inject({ method: 'GET', url: '/api/v1/login' });
    t.same([wrong.statusCode, wrong.headers['allow']], [405, 'OPTIONS, POST']);
    await trusting.app.close();
  },
);

t.test('docs/login-api.md: development answers 421 unless Host is localhost, 127.0.0.1 or [::1]', async (t) => {
  const as = async (host: string) => (await app.inject({ url: '/api/v1/session', headers: { host } })).statusCode;
  for (const host of ['localhost', 'localhost:4000', '127.0.0.1:4000', '[::1]:4000', 'LOCALHOST'])
    t.equal(await as(host), 200, host);
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example'])
    t.equal(await as(host), 421, host);
});

t.test('attacks 55 and 57: forwarded and invented headers change nothing', async (t) => {
  const response = await login(good, {
    'content-type': 'application/json',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'evil.example',
    'x-user': 'root',
    'x-original-url': '/setup',
  });
  t.equal(response.statusCode, 200);
  t.notMatch(String(response.headers['set-cookie']), /Secure|evil/);
});

t.test('attacks 47: what is typed never gets into Set-Cookie', async (t) => {
  const response = await login(JSON.stringify({ username: 'x;\r\nSet-Cookie: a=b', password: 'y' }));
  t.equal(response.statusCode, 401);
  t.equal(response.headers['set-cookie'], undefined);
});

t.test('attacks 73: a cookie that is cut, extended or changed is nobody', async (t) => {
  const cookie = (await login(good)).cookies[0] as { name: string; value: string };
  const who = async (value: string) =>
    (await app.inject({ url: '/api/v1/session', cookies: { [cookie.name]: value } })).json().is_authenticated;
  t.equal(await who(cookie.value), true);
  for (const value of [
    cookie.value.slice(0, -1),
    `${cookie.value}A`,
    `A${cookie.value.slice(1)}`.replace(cookie.value, 'B'.repeat(43)),
    '',
    'x'.repeat(5000),
  ])
    t.equal(await who(value), false);
});

t.test('a request that fails changes nothing', async (t) => {
  const before = await db.fork().count(User, {});
  for (const body of ['{', '{"username":"x"}', JSON.stringify({ username: 'a@b', password: 'quite a long phrase' })])
    await post('/api/v1/signup', body);
  t.equal(await db.fork().count(User, {}), before);
});
