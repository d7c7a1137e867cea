import { once } from 'node:events';
import { connect } from 'node:net';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { AuditEntry } from '../../src/audit/index.ts';
import { casefoldName } from '../../src/platform/casefold.ts';
import { Session } from '../../src/sessions/index.ts';
import { User } from '../../src/users/index.ts';
import { openTestEmbedded } from '../support/database.ts';
import { countHashing } from '../support/hashing.ts';
import { basic, type Headers, PASSWORD } from '../support/http.ts';
import t from '../support/tap.ts';
import { openUsers } from '../support/world.ts';

// What is sent: parameters twice, paths spelled otherwise, fields too many, ids that are somebody else's, odd text, too much of it.

const db = await openTestEmbedded();
t.teardown(() => db.close());
const hashing = countHashing();
const { app, http, service, post, logIn, who, hasPerm } = await openUsers(db, {
  environment: { SIGNET_THROTTLE_SIGNUP: '1000' },
  passwords: hashing.wrap,
});
await app.listen({ host: '127.0.0.1', port: 0 });
t.teardown(() => app.close());
const { port } = app.server.address() as { port: number };

/** Bodies that each JSON route takes; `as` names who sends them. */
const bodies: Record<string, { body: Record<string, unknown>; as?: 'alice' }> = {
  '/api/v1/signup': { body: { username: 'newcomer', password: PASSWORD, email: '', first_name: '', last_name: '' } },
  '/api/v1/login': { body: { username: 'alice', password: PASSWORD, audience: 'polls', scope: 'openid' } },
  '/api/v1/token': { body: { audience: 'polls', scope: 'openid' }, as: 'alice' },
  '/api/v1/has_perm': { body: { audience: 'polls', perms: ['polls.x'], modules: ['polls'] }, as: 'alice' },
  '/api/v1/account/password': {
    body: { current_password: PASSWORD, new_password: 'another long enough phrase' },
    as: 'alice',
  },
};

/** Everything that a request which fails may not have changed. */
async function picture(): Promise<string> {
  const em = db.fork();
  const users = await em.findAll(User, { orderBy: { id: 'asc' } });
  return JSON.stringify([users, users.map((one) => one.password), await em.count(AuditEntry, {})]);
}

/** Raw bytes over a socket of its own; the answer so far when the server hangs up, and how much it had been sent. */
function raw(bytes: (string | Buffer)[], isEndless = false): Promise<{ status: number; text: string; sent: number }> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (!isEndless) socket.end();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve({ status: Number(text.slice(9, 12)), text, sent: socket.bytesWritten }));
    for (const part of bytes) socket.write(part);
  });
}

t.test('attacks 49 (RFC 8259 §4): a parameter twice, or in two places, is refused and does nothing', async (t) => {
  const { cookie } = await logIn('alice');
  for (const url of ['/api/v1/session', '/api/v1/account/permissions', '/setup', '/', '/.well-known/jwks.json'])
    for (const query of ['audience=polls&audience=polls', 'x=1&x=2', 'token=a&token=b'])
      t.equal((await app.inject({ url: `${url}?${query}`, headers: { cookie } })).statusCode, 400, `${url}?${query}`);
  for (const query of [
    'audience[]=polls',
    'audience[0]=polls',
    'audience.x=polls',
    'audience%5B%5D=polls',
    'Audience=polls',
  ])
    t.equal((await app.inject({ url: `/api/v1/session?${query}`, headers: { cookie } })).statusCode, 422, query);

  const before = await picture();
  for (const [url, { body, as }] of Object.entries(bodies)) {
    const headers: Headers = as ? { cookie } : {};
    for (const name of Object.keys(body)) {
      const text = JSON.stringify(body);
      const value = JSON.stringify(body[name]);
      const spelled = `"\\u${name.charCodeAt(0).toString(16).padStart(4, '0')}${name.slice(1)}"`;
      for (const twice of [`"${name}":${value}`, `${spelled}:${value}`, `"${name}" : null`]) {
        t.equal((await post(url, text.replace('{', `{${twice},`), headers)).statusCode, 400, `${url} ${twice} first`);
        t.equal((await post(url, text.replace(/}$/, `,${twice}}`), headers)).statusCode, 400, `${url} ${twice} last`);
      }
    }
  }
  const split = await post('/api/v1/login?username=bob&audience=shop', bodies['/api/v1/login']?.body ?? {});
  t.equal(split.json().user.username, 'alice', 'what stands in the query is not read');
  for (const text of ['{"perms":[{"a":1,"b":{"c":1,"c":2}}]}', '{"a":{"x":1},"b":{"x":1},"a":1}'])
    t.equal((await post('/api/v1/has_perm', text, { cookie })).statusCode, 400, 'inside, too');
  t.equal(
    (await post('/api/v1/has_perm', '{"audience":"polls","perms":["\\"perms\\":","{","}","\\\\"]}', { cookie }))
      .statusCode,
    200,
  );
  for (const [path, good] of [
    ['token', 'grant_type=client_credentials'],
    ['introspect', 'token=x'],
    ['revoke', 'token=x'],
  ] as const)
    for (const more of [good, good.replace(/=.*/, '=y'), good.replace('=', '%3d=').replace('%3d', '')]) {
      const send = (url: string, payload: string) => http.form(url, payload, basic(service));
      t.equal((await send(`/oauth2/${path}`, `${good}&${more}`)).statusCode, 400, `${path}: ${good}&${more}`);
      t.equal((await send(`/oauth2/${path}?${more}`, good)).statusCode, 400, `${path}?${more}: in both places`);
    }
  t.equal(
    (await picture()).replace(/"lastLogin":"[^"]*"/g, ''),
    before.replace(/"lastLogin":"[^"]*"/g, ''),
    'nothing was changed',
  );
});

t.test('attacks 59: another spelling of a path never finds a way past its guard', async (t) => {
  const { cookie } = await logIn('alice');
  const guarded = ['/api/v1/account/sessions', '/api/v1/account/permissions'];
  const spelled = (path: string) => [
    `/${path}`,
    `//${path}`,
    `${path}/`,
    `${path}//`,
    `${path}/.`,
    `${path}/..;/sessions`,
    `${path};x`,
    `${path};x=/public`,
    `${path}?x=/public`,
    `${path}#/public`,
    `${path}%3fx`,
    `${path}%23`,
    `${path}%00`,
    `${path}%20`,
    `${path}.json`,
    path.toUpperCase(),
    path.replace('/api', '/API'),
    path.replace('/api', '/%61pi'),
    path.replace('/account', '/%2e/account'),
    path.replace('/account', '/x/../account'),
    path.replace('/account', '/x/%2e%2e/account'),
    path.replace('/account', '/..%2faccount'),
    path.replace('/account', '%2faccount'),
    path.replace('/account', '\\account'),
    path.replace('/account', '/%5caccount'),
    path.replace('/account', '/ａccount'),
    `/health/live/..${path}`,
    `/health/live/..;${path}`,
    `/health/live%2f..${path}`,
    `http://evil.example${path}`,
  ];
  const truth = new Map<string, string>();
  for (const path of guarded) truth.set(path, (await app.inject({ url: path, headers: { cookie } })).body);
  for (const path of guarded)
    for (const url of spelled(path)) {
      for (const headers of [
        {},
        { 'x-original-url': path, 'x-rewrite-url': path, 'x-forwarded-uri': '/health/live' },
      ]) {
        const nobody = await raw([
          `GET ${url} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${Object.entries(headers)
            .map(([name, value]) => `${name}: ${value}\r\n`)
            .join('')}\r\n`,
        ]);
        t.ok([400, 401, 404, 405, 422].includes(nobody.status), `nobody: ${url} ${nobody.status}`);
        t.notMatch(nobody.text, /^(location|set-cookie):/im, 'and is sent nowhere');
      }
    }
  for (const [method, url] of [
    ['GET', '/api/v1/login'],
    ['GET', '/api/v1/account/password'],
    ['GET', '/api/v1/logout'],
  ] as const)
    for (const header of ['x-http-method-override', 'x-method-override', 'x-http-method'])
      t.equal(
        (await app.inject({ method, url, headers: { cookie, [header]: 'POST' } })).statusCode,
        405,
        `${header} ${url}`,
      );
  t.equal(await who(cookie), 'alice', 'nothing ended the session');
});

t.test('attacks 83 and 87: fields that nobody may set of himself are refused, and nothing is set', async (t) => {
  const forbidden: Record<string, unknown> = {
    id: '0196d3a0-0000-7000-8000-000000000000',
    sub: 'root',
    is_active: true,
    is_staff: true,
    is_superuser: true,
    isSuperuser: true,
    groups: ['Admins'],
    permissions: ['auth.add_user'],
    user_permissions: ['auth.add_user'],
    role: 'admin',
    email_verified: true,
    email_verified_at: '2026-01-01T00:00:00Z',
    last_login: '2026-01-01T00:00:00Z',
    date_joined: '2026-01-01T00:00:00Z',
    password_epoch: 99,
    password_hash: 'x',
    attributes: { admin: true },
    user: { is_superuser: true },
    user_id: 'root',
    client_id: 'signet',
    iss: 'https://evil.example',
    amr: ['otp'],
    ttl: 1e9,
    $set: { is_superuser: true },
    toString: 'x',
    '': 1,
  };
  const { cookie } = await logIn('alice');
  const before = await picture();
  for (const [url, { body, as }] of Object.entries(bodies))
    for (const [name, value] of Object.entries(forbidden)) {
      const response = await post(url, { ...body, [name]: value }, as ? { cookie } : {});
      t.equal(response.statusCode, 422, `${url} ${name}: ${response.body.slice(0, 120)}`);
      t.match(response.json().errors[0], { pointer: `/${name}` });
    }
  for (const name of ['__proto__', 'constructor'])
    t.equal(
      (
        await post(
          '/api/v1/signup',
          `{"username":"x","password":"${PASSWORD}","${name}":{"prototype":{"is_staff":true},"is_staff":true}}`,
        )
      ).statusCode,
      400,
    );
  t.equal(await picture(), before, 'nothing was changed');
  t.notOk(({} as { is_staff?: boolean }).is_staff);
});

t.test('attacks 85: what one may do to the own is not done to another’s, wherever the other is named', async (t) => {
  const [alice, bob] = [await logIn('alice'), await logIn('bob')];
  const bobId = (await db.fork().findOneOrFail(User, { username: 'bob' })).id;
  const named = { 'x-user': 'bob', 'x-user-id': bobId, 'x-sub': bobId, 'x-tenant': 'bob', 'x-session': bob.sid };
  const live = () => db.fork().count(Session, { user: bobId, endedAt: null });
  const before = await live();
  const end = (url: string, more: object = {}) =>
    app.inject({ method: 'DELETE', url, headers: { cookie: alice.cookie, ...named }, ...more });
  t.equal((await end(`/api/v1/account/sessions/${bob.sid}`)).statusCode, 404);
  t.equal((await end(`/api/v1/account/sessions/${bob.sid.toUpperCase()}`)).statusCode, 404);
  const payload = { id: bob.sid, user: bobId, user_id: bobId };
  await end('/api/v1/account/sessions', { payload });
  await end(`/api/v1/account/sessions?user=${bobId}&id=${bob.sid}`);
  const other = await logIn('alice');
  await end(`/api/v1/account/sessions/${other.sid}?id=${bob.sid}`, { payload });
  for (const id of ['', '*', '%25', 'null', '0', `${bob.sid},${alice.sid}`, `${bob.sid}%00`, "' or true --"])
    t.ok([404, 405, 400, 422].includes((await end(`/api/v1/account/sessions/${id}`)).statusCode), id);
  t.equal(await live(), before, 'bob’s sessions live');
  t.equal(await who(bob.cookie), 'bob');

  const listed = await app.inject({
    url: `/api/v1/account/sessions?user=${bobId}`,
    headers: { cookie: alice.cookie, ...named },
  });
  t.notMatch(listed.body, bob.sid);
  t.equal(
    (await app.inject({ url: '/api/v1/session', headers: { cookie: alice.cookie, ...named } })).json().user.username,
    'alice',
  );

  // A bearer token and a cookie of two people: the token is asked about, and a bad one is not made good by the cookie.
  const root = await logIn('root');
  const mixed = (token: string) =>
    post('/api/v1/has_perm', { perms: ['polls.any'] }, { authorization: `Bearer ${token}`, cookie: root.cookie });
  t.same((await mixed(alice.token)).json().results, { 'polls.any': false }, 'alice’s token beside root’s cookie');
  t.equal((await mixed(`${alice.token}x`)).statusCode, 401);
  t.equal((await mixed(`${root.token}, Bearer ${alice.token}`)).statusCode, 401);
  const elsewhere = await post(
    '/api/v1/has_perm',
    { perms: [], audience: 'signet' },
    { authorization: `Bearer ${alice.token}` },
  );
  t.equal(elsewhere.statusCode, 422, 'another API than the token’s own');
  for (const url of ['/api/v1/account/sessions', '/api/v1/account/permissions'])
    t.equal(
      (await app.inject({ url, headers: { authorization: `Bearer ${root.token}` } })).statusCode,
      401,
      'a token is no session',
    );
});

t.test('attacks 91: text that would be a statement is text', async (t) => {
  const { cookie } = await logIn('alice');
  const before = await picture();
  for (const text of [
    "' or '1'='1",
    "alice'--",
    '"; drop table users_user; --',
    "\\'; select pg_sleep(60) --",
    '$1',
    '?',
    '??',
    ':name',
    "alice' union select",
    '%',
    '_',
    'al%',
    '\\',
    '{{username}}',
    '#{process.exit()}',
  ]) {
    t.equal((await post('/api/v1/login', { username: text, password: PASSWORD })).statusCode, 401, text);
    t.equal((await post('/api/v1/token', { audience: text }, { cookie })).statusCode, 404, text);
    const found = await app.inject({
      url: `/api/v1/session?audience=${encodeURIComponent(text)}`,
      headers: { cookie },
    });
    t.equal(found.statusCode, 404, text);
    t.equal((await app.inject(`/setup?token=${encodeURIComponent(text)}`)).statusCode, 410, text);
    t.same((await hasPerm((await logIn('alice')).token, [text])).json().results, { [text]: false }, text);
  }
  t.equal((await picture()).replace(/"lastLogin":"[^"]*"/g, ''), before.replace(/"lastLogin":"[^"]*"/g, ''));
});

t.test('attacks 97: every spelling of a name is one name; what looks like nothing is no name', async (t) => {
  const signup = async (username: string, more: object = {}) =>
    (await post('/api/v1/signup', { username, password: PASSWORD, ...more })).json() as {
      user?: { username: string };
      errors?: { pointer: string; code: string }[];
    };
  /** Each row is one name: the first is taken, the others are it. */
  for (const [first = '', ...others] of [
    ['kim', 'KIM', '\u212aim', 'ｋｉｍ', 'K\uff29m'],
    ['josé', 'jose\u0301', 'JOSÉ', 'JOSE\u0301'],
    ['finn', 'ﬁnn', 'FINN', 'Ｆinn'],
    ['straße', 'STRAẞE', 'straẞe'],
    ['a²b', 'a2b'],
    ['ǅan', 'ǆan', 'Ǆan', 'dŽan'],
    ['Åse', 'Å\u0073e', '\u212bse', 'A\u030ase'],
  ] as const) {
    const made = await signup(first);
    t.ok(made.user, `${first} ${JSON.stringify(made.errors)}`);
    for (const other of others)
      t.match((await signup(other)).errors, [{ pointer: '/username', code: 'unique' }], `${first} ${other}`);
    for (const other of others)
      t.equal(
        (await post('/api/v1/login', { username: other, password: PASSWORD })).json().user?.username,
        made.user?.username,
      );
  }
  /** Not the same to a reader of code points, whatever the eye says: separate people, never one by mistake. */
  for (const [one, two] of [
    ['mike', 'mıke'],
    ['strasse', 'straße2'],
    ['paypal', 'pаypal'],
    ['istanbul', 'İstanbul'],
  ] as const) {
    t.ok((await signup(one)).user, one);
    t.ok((await signup(two)).user, two);
    t.equal(
      (await post('/api/v1/login', { username: two, password: PASSWORD })).json().user.username,
      two.normalize('NFKC'),
    );
  }
  for (const [name, username] of Object.entries({
    'a zero-width space': 'ro\u200bot',
    'a zero-width joiner': 'ro\u200dot',
    'a direction mark': 'ro\u202eot',
    'an isolate': '\u2066root\u2069',
    'a soft hyphen': 'ro\u00adot',
    'a byte order mark': '\ufeffroot',
    'a variation selector of tags': 'root\u{e0061}',
    'a full-width @': 'root＠example.test',
    'a small @': 'root\ufe6bexample.test',
    'two @': 'a@b@c',
    'a line break': 'ro\not',
    'a line separator': 'ro\u2028ot',
    'a blank': 'ro ot',
    'an ideographic blank': 'ro\u3000ot',
    'a non-breaking blank': 'ro\u00a0ot',
    'a private character': 'root\ue000',
    'an unassigned character': 'root\u0378',
    nothing: '',
    'a mark that is a blank and more': '\ufdfa',
    'longer once it is written out': 'ﷺ'.repeat(20),
  }))
    t.match((await signup(username)).errors, [{ pointer: '/username' }], name);
  for (const email of [
    'mike＠example.test',
    'a@b@c',
    'mike\u200b@example.test',
    'mike@exa\u202emple.test',
    '"mike"@x.test',
    'mike@',
    'a b@c.test',
  ])
    t.match((await signup(`mail${email.length}`, { email })).errors, [{ pointer: '/email' }], JSON.stringify(email));
});

t.test('attacks 97: folding a name again changes nothing, so that no second spelling is another key', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => {
      const once = casefoldName(text);
      return (
        casefoldName(once) === once &&
        casefoldName(text.normalize('NFD')) === once &&
        casefoldName(text.normalize('NFKC')) === once
      );
    }),
    { numRuns: 20_000 },
  );
  // Every character there is, alone and between letters.
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const text = `a${String.fromCodePoint(code)}b`;
    const once = casefoldName(text);
    if (casefoldName(once) !== once) t.fail(`U+${code.toString(16)}: ${once}`);
  }
  t.end();
});

t.test(
  'attacks 99: NUL, lone surrogates and invalid UTF-8 in every field, path and header are refused, never 500',
  async (t) => {
    const { cookie } = await logIn('alice');
    const before = await picture();
    for (const [url, { body, as }] of Object.entries(bodies))
      for (const [name, value] of Object.entries(body))
        for (const bad of ['\\u0000', 'a\\u0000b', '\\ud800', '\\udc00x', 'x\\ud83d', '\\ude00\\ud83d']) {
          const text = Array.isArray(value) ? `["${bad}"]` : `"${bad}"`;
          const document = JSON.stringify({ ...body, [name]: 0 }).replace(`"${name}":0`, `"${name}":${text}`);
          t.equal((await post(url, document, as ? { cookie } : {})).statusCode, 400, `${url} ${name} ${bad}`);
        }
    const json = 'content-type: application/json';
    const send = (first: string, headers: string[] = [], body: Buffer = Buffer.alloc(0)) =>
      raw([
        Buffer.from(
          `${first} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${headers.map((one) => `${one}\r\n`).join('')}content-length: ${body.length}\r\n\r\n`,
          'latin1',
        ),
        body,
      ]);
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]])
      for (const [url, { body, as }] of Object.entries(bodies)) {
        const [before = '', after = ''] = JSON.stringify(body).split(PASSWORD);
        const sent = Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
        t.equal(
          (await send(`POST ${url}`, [json, ...(as ? [`cookie: ${cookie}`] : [])], sent)).status,
          400,
          `${url} ${bytes}`,
        );
      }
    for (const path of [
      '/%00',
      '/api/v1/account/sessions/%00',
      '/api/v1/account/sessions/%ff',
      '/api/v1/session?audience=%ed%a0%80',
      '/setup?token=%00',
      '/setup?token=%c0%80',
      '/\xff',
      '/api/v1/session?audience=\xff',
      '/%',
      '/%zz',
    ])
      t.ok([400, 401, 404, 405, 422].includes((await send(`GET ${path}`)).status), path);
    for (const header of [
      'user-agent: a\x00b',
      'cookie: signet_session=\x00',
      'authorization: Bearer \x00',
      'x: \x01',
      'user-agent: a\r b',
      'user agent: x',
      'host: localhost\r\nhost: evil.example',
    ])
      t.ok([400, 200].includes((await send('GET /api/v1/session', [header])).status), JSON.stringify(header));
    const login = Buffer.from(JSON.stringify(bodies['/api/v1/login']?.body));
    for (const header of [
      'user-agent: \xff\xfe\xed\xa0\x80',
      `user-agent: ${'ü'.repeat(3000)}`,
      'user-agent:',
      'cookie: =; ;;=x; signet_session',
      'cookie: signet_session=%00',
      'cookie: signet_session="\xff"',
    ])
      t.equal(
        (await send('POST /api/v1/login', [json, header], login)).status,
        200,
        `a login goes on: ${header.slice(0, 30)}`,
      );
    for (const authorization of [
      'Bearer',
      'Bearer ',
      'bearer \xff',
      'Basic \xff',
      'Basic ====',
      'Basic Og==',
      `Basic ${Buffer.from('a\0b:c\0d').toString('base64')}`,
      'Digest x',
      '\xff',
    ])
      t.equal(
        (await send('POST /api/v1/has_perm', [json, `authorization: ${authorization}`], Buffer.from('{"perms":[]}')))
          .status,
        401,
        authorization,
      );
    for (const authorization of [
      'Basic \xff',
      'Basic ====',
      'Basic Og==',
      `Basic ${Buffer.from('%00:%ff').toString('base64')}`,
      `Basic ${Buffer.from('a\0b:c\0d').toString('base64')}`,
    ])
      t.equal(
        (
          await send(
            'POST /oauth2/token',
            ['content-type: application/x-www-form-urlencoded', `authorization: ${authorization}`],
            Buffer.from('grant_type=client_credentials'),
          )
        ).status,
        401,
        authorization,
      );
    t.equal((await picture()).replace(/"lastLogin":"[^"]*"/g, ''), before.replace(/"lastLogin":"[^"]*"/g, ''));
  },
);

/** What cannot be read as a request at all, and what it is answered with. */
const unreadable: [what: string, bytes: string, status: number, code: string][] = [
  ['no request line', 'nonsense\r\n\r\n', 400, 'bad_request'],
  ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', 400, 'bad_request'],
  ['a version of HTTP to come', 'GET / HTTP/9.9\r\nhost: localhost\r\n\r\n', 400, 'bad_request'],
  ['NUL in the request line', 'GET /\0 HTTP/1.1\r\nhost: localhost\r\n\r\n', 400, 'bad_request'],
  ['white space before the first field', 'GET / HTTP/1.1\r\n host: localhost\r\n\r\n', 400, 'bad_request'],
  ['a bare CR', 'GET / HTTP/1.1\r\nhost: localhost\r\nx: a\rb\r\n\r\n', 400, 'bad_request'],
  ['a field without a name', 'GET / HTTP/1.1\r\nhost: localhost\r\n: x\r\n\r\n', 400, 'bad_request'],
  [
    'a length that is none',
    'POST /api/v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1x\r\n\r\n',
    400,
    'bad_request',
  ],
  [
    'two ways to say how long it is',
    'POST /api/v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
    400,
    'bad_request',
  ],
  ['20,000 bytes of fields', `GET / HTTP/1.1\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
];

t.test(
  'RFC 9112 §2.2, §3, §6.3, §9.6, RFC 6585 §5: what is no HTTP is told so in a problem document, and the connection ends',
  async (t) => {
    for (const [what, bytes, status, code] of unreadable) {
      const answer = await raw([bytes], true);
      const [head, body] = answer.text.split('\r\n\r\n') as [string, string];
      t.equal(answer.status, status, what);
      t.match(head.toLowerCase(), /\r\ncontent-type: application\/problem\+json; charset=utf-8\r\n/, what);
      t.match(head.toLowerCase(), /\r\nconnection: close(\r\n|$)/, what);
      t.match(head.toLowerCase(), /\r\ncache-control: no-store(\r\n|$)/, what);
      t.match(head.toLowerCase(), /\r\ndate: \w{3}, \d\d \w{3} \d{4} .* gmt(\r\n|$)/, what);
      t.match(head.toLowerCase(), `\r\ncontent-length: ${Buffer.byteLength(body)}`, what);
      t.match(JSON.parse(body), { type: 'about:blank', title: String, status, code }, what);
      t.equal(answer.text.split('HTTP/1.1').length, 2, `${what}: one answer`);
    }
    t.equal((await app.inject('/health/live')).statusCode, 200);
  },
);

t.test('RFC 9112 §9.3.2: what cannot be read never stands within the answer to a request before it', async (t) => {
  const text = await new Promise<string>((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let seen = '';
    socket.on('data', (chunk) => {
      if (seen === '') socket.write('nonsense\r\n\r\n');
      seen += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(seen));
    socket.write('GET /status-lists/events HTTP/1.1\r\nhost: localhost\r\n\r\n');
  });
  t.match(text, /^HTTP\/1\.1 200 /);
  t.equal(text.split('HTTP/1.1').length, 2);
  t.notMatch(text, 'problem+json');
  const whole = await raw(['GET /api/v1/session HTTP/1.1\r\nhost: localhost\r\n\r\nnonsense\r\n\r\n'], true);
  t.notMatch(whole.text, 'problem+json', 'nor is it the answer to that request, which had come whole');
  const broken = await raw([
    `POST /api/v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n`,
  ]);
  t.match([broken.status, broken.text], [400, /"code":"bad_request"/], 'a request whose own body cannot be read');
});

t.test('RFC 9110 §15.5.9: a request that takes too long is 408; a socket that is gone is left alone', async (t) => {
  const written = (code: string, { isGone = false } = {}) => {
    const chunks: string[] = [];
    const socket = new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        chunks.push(String(chunk));
        done();
      },
    });
    if (isGone) socket.destroy();
    app.server.emit('clientError', Object.assign(new Error('refused'), { code }), socket);
    app.server.emit('clientError', Object.assign(new Error('and again'), { code }), socket);
    return { socket, text: () => chunks.join('') };
  };
  const late = written('ERR_HTTP_REQUEST_TIMEOUT');
  await once(late.socket, 'finish');
  t.match(late.text(), /^HTTP\/1\.1 408 Request Timeout\r\n/);
  t.match(JSON.parse(late.text().split('\r\n\r\n')[1] as string), { status: 408, code: 'request_timeout' });
  t.equal(late.text().split('HTTP/1.1').length, 2, 'once');
  await once(late.socket, 'close');
  for (const gone of [written('HPE_INVALID_METHOD', { isGone: true }), written('ECONNRESET')]) {
    await new Promise((resolve) => setImmediate(resolve));
    t.same([gone.text(), gone.socket.destroyed], ['', true]);
  }
});

t.test('attacks 101: too much is refused before it is read, and the refusal is short', async (t) => {
  const head = (path: string, more: string) => `POST ${path} HTTP/1.1\r\nhost: localhost\r\n${more}\r\n\r\n`;
  const type = 'content-type: application/json';
  const told = await raw(
    [head('/api/v1/login', `${type}\r\ncontent-length: ${10 * 1024 * 1024}`), '{"username":"'],
    true,
  );
  t.equal(told.status, 413, 'ten megabytes that are only announced');

  const endless = ['{"username":"', ...Array.from({ length: 160 }, () => 'x'.repeat(65_536))];
  const chunked = await raw(
    [
      head('/api/v1/login', `${type}\r\ntransfer-encoding: chunked`),
      ...endless.map((one) => `${one.length.toString(16)}\r\n${one}\r\n`),
    ],
    true,
  );
  t.equal(chunked.status, 413, 'ten megabytes without a length');

  const { cookie } = await logIn('alice');
  hashing.reset();
  for (const [name, body] of Object.entries({
    'arrays, 100,000 deep': '['.repeat(100_000),
    'arrays within the limit, 30,000 deep': `${'['.repeat(30_000)}${']'.repeat(30_000)}`,
    'objects, 10,000 deep': `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
    'deep in a field': `{"perms":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
    '100,000 names': `{${Array.from({ length: 100_000 }, (_, i) => `"${i}":1`).join()}}`,
    '8,000 names': `{${Array.from({ length: 8000 }, (_, i) => `"${i}":1`).join()}}`,
    '30,000 names': `{"perms":[${Array(30_000).fill(0).join()}]}`,
    '1,001 names': JSON.stringify({ audience: 'polls', perms: Array(1001).fill('a') }),
    'a number of 60,000 digits': `{"perms":[${'9'.repeat(60_000)}]}`,
    'a text of quotes': `{"perms":["${'\\"'.repeat(30_000)}"]}`,
  })) {
    const response = await post('/api/v1/has_perm', body, { cookie });
    t.ok([400, 413, 422].includes(response.statusCode), `${name}: ${response.statusCode}`);
    t.ok(response.body.length < 4096, `${name}: answered in ${response.body.length} bytes`);
  }
  for (const [name, path] of Object.entries({
    'a path of 15,000 letters': `/${'a'.repeat(15_000)}`,
    'a path of 5,000 folders': '/a'.repeat(5000),
    'an id of 10,000 letters': `/api/v1/account/sessions/${'a'.repeat(10_000)}`,
    '3,000 parameters': `/api/v1/session?${Array.from({ length: 3000 }, (_, i) => `a${i}`).join('&')}`,
  })) {
    const response = await app.inject({ url: path, headers: { cookie } });
    t.ok([400, 404, 405, 422].includes(response.statusCode), `${name}: ${response.statusCode}`);
    t.ok(response.body.length < 4096, `${name}: answered in ${response.body.length} bytes`);
  }
  for (const header of [`x: ${'a'.repeat(20_000)}`, ...[`cookie: ${'a=b; '.repeat(4000)}`]])
    t.equal((await raw([`GET / HTTP/1.1\r\nhost: localhost\r\n${header}\r\n\r\n`])).status, 431, header.slice(0, 20));
  const password = 'ﷺ'.repeat(1024);
  t.equal((await post('/api/v1/login', { username: 'alice', password: `${password}x` })).statusCode, 401);
  t.equal(hashing.counts.verifications.length, 0, 'nothing of it was worth a hash');
});

t.test('attacks 105: markup, formulas and templates in names stay what they are', async (t) => {
  for (const [i, name] of [
    '<img src=x onerror=alert(1)>',
    '=cmd|"/C calc"!A1',
    '{{7*7}}',
    '#{7*7}',
    '%{7*7}',
    '</script>',
    '+1',
    '@SUM(1)',
    '-2+3',
  ].entries()) {
    const made = await post('/api/v1/signup', {
      username: `inert${i}`,
      password: PASSWORD,
      first_name: name,
      last_name: name,
    });
    t.equal(made.json().user.first_name, name, 'as it was typed');
    t.match(
      made.headers,
      { 'content-type': /^application\/json/, 'x-content-type-options': 'nosniff' },
      'in what no browser shows as a page',
    );
    const refused = await post('/api/v1/signup', { username: name, password: PASSWORD });
    if (refused.statusCode !== 201)
      t.match(refused.headers, { 'content-type': /^application\/problem\+json/, 'x-content-type-options': 'nosniff' });
    const page = await http.form('/setup', { token: name, username: name });
    t.notMatch(page.body, name, 'and on a page it is not markup');
    const nowhere = await app.inject(`/${encodeURIComponent(name)}?x=${encodeURIComponent(name)}`);
    t.notMatch(nowhere.body, name, 'nor is the address that was asked for');
  }
});
