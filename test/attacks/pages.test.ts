import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { AuthorizationCode, DeviceCode, StoredRequest } from '../../src/oauth/authorization-entities.ts';
import { Session } from '../../src/sessions/index.ts';
import { newBrowser, responseParameters } from '../support/browser.ts';
import { openTestEmbedded } from '../support/database.ts';
import { CALLBACK, CHALLENGE } from '../support/flows.ts';
import { basic, PASSWORD, sessionCookie } from '../support/http.ts';
import t, { type Test } from '../support/tap.ts';
import { openPolls, openWorld } from '../support/world.ts';

// What browsers and those in their way send to the pages: other spellings of a path, invented headers, parameters twice.

const db = await openTestEmbedded();
t.teardown(() => db.close());
const s = await openPolls(db);
const { app, web, third, spa } = s;
const box = await s.client('Box', { preset: 'device', requests: [s.polls] });
const form = { 'content-type': 'application/x-www-form-urlencoded' };
const queryFor = (more: Record<string, string | undefined> = {}) => s.urlFor(web, more).split('?')[1] as string;
/** What may have come of a request. */
const made = async () => {
  const em = db.fork();
  const [codes, sessions] = [await em.count(AuthorizationCode), await em.count(Session, { endedAt: null })];
  return { codes, sessions, requests: await em.count(StoredRequest), devices: await em.count(DeviceCode) };
};

t.test('attacks 55, 57: no header of a request is in a page, a redirect, a document or a cookie', async (t) => {
  const issuer = 'https://id.example';
  const { app: exposed } = await openWorld(db, {
    mode: 'production',
    clock: s.clock,
    environment: { SIGNET_ISSUER: issuer },
  });
  const invented: Record<string, string> = {
    host: 'evil.example',
    forwarded: 'for=127.0.0.1;host=evil.example;proto=http',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-server': 'evil.example',
    'x-forwarded-proto': 'http',
    'x-forwarded-protocol': 'http',
    'x-forwarded-port': '8443',
    'x-forwarded-prefix': '/evil',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-ssl': 'off',
    'x-forwarded-uri': '/health/live',
    'x-forwarded-method': 'GET',
    'x-forwarded-user': 'root',
    'x-auth-request-user': 'root',
    'x-remote-user': 'root',
    'remote-user': 'root',
    'x-user': 'root',
    'x-original-url': '/health/live',
    'x-original-host': 'evil.example',
    'x-rewrite-url': '/health/live',
    'x-http-method-override': 'DELETE',
    'x-http-host-override': 'evil.example',
    'x-host': 'evil.example',
    'front-end-https': 'off',
    referer: 'https://evil.example/',
    'user-agent': 'kube-probe/1.30',
  };
  const par = {
    redirect_uri: CALLBACK,
    response_type: 'code',
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
  };
  const login = { username: 'alice', password: PASSWORD };
  const signedIn = await newBrowser(exposed, issuer).send('POST', '/login', login);
  const cookie = sessionCookie(signedIn.response);
  const requests: [string, 'GET' | 'POST', string, Record<string, string>?, Record<string, string>?][] = [
    ['discovery', 'GET', '/.well-known/openid-configuration'],
    ['keys', 'GET', '/.well-known/jwks.json'],
    ['lists', 'GET', '/status-lists'],
    ['description', 'GET', '/openapi.yaml'],
    ['front door', 'GET', '/', undefined, { cookie }],
    ['authorize, nobody', 'GET', s.urlFor(web)],
    ['authorize, alice', 'GET', s.urlFor(web), undefined, { cookie }],
    ['authorize by a form', 'GET', s.urlFor(web, { response_mode: 'form_post' }), undefined, { cookie }],
    ['authorize, an error', 'GET', s.urlFor(web, { prompt: 'none' })],
    ['authorize, unknown', 'GET', s.urlFor({ ...web, id: 'c_nobody' })],
    ['authorize by POST', 'POST', '/oauth2/authorize', Object.fromEntries(new URLSearchParams(queryFor()))],
    ['login page', 'GET', '/login'],
    ['login', 'POST', '/login', login],
    ['login, wrong', 'POST', '/login', { ...login, password: 'wrong' }],
    ['login, signed in', 'GET', '/login', undefined, { cookie }],
    ['device page', 'GET', '/oauth2/device'],
    ['device page, alice', 'GET', '/oauth2/device', undefined, { cookie }],
    ['device', 'POST', '/oauth2/device_authorization', { client_id: box.id }],
    ['pushed', 'POST', '/oauth2/par', par, basic(web)],
    ['logout', 'GET', `/oauth2/logout?client_id=${web.id}`, undefined, { cookie }],
    ['token', 'POST', '/oauth2/token', { grant_type: 'refresh_token', refresh_token: 'x' }, basic(web)],
    ['userinfo', 'GET', '/oauth2/userinfo'],
    ['setup', 'GET', '/setup?token=x'],
    ['nothing', 'GET', '/nothing'],
  ];
  /** What is random differs; nothing else may. */
  const told = async ([, method, url, fields, headers]: (typeof requests)[number], more: Record<string, string>) => {
    const answer = await exposed.inject({
      method,
      url,
      headers: { ...(fields ? form : {}), ...headers, ...more },
      ...(fields ? { payload: new URLSearchParams(fields).toString() } : {}),
    });
    const { date: _, 'content-length': __, ...kept } = answer.headers;
    return `${answer.statusCode} ${JSON.stringify(kept)} ${answer.body}`
      .replace(/[\w-]{43}/g, '*')
      .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '*')
      .replace(/[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}/g, '*');
  };
  for (const request of requests) {
    const plain = await told(request, {});
    const spoofed = await told(request, invented);
    t.equal(spoofed, plain, request[0]);
    t.notMatch(spoofed, /evil|http:\/\/id\.example/, request[0]);
  }
  const { response } = await newBrowser(exposed, issuer).send('POST', '/login', login, invented);
  t.match(response.cookies[0], {
    name: '__Host-signet_session',
    secure: true,
    httpOnly: true,
    sameSite: 'Lax',
    path: '/',
  });
  await exposed.close();
});

/** Other ways to write a path, all of them another path. */
const spelled = (path: string) => [
  `/${path}`,
  `///${path}`,
  `${path}/`,
  `${path}//`,
  `${path}/.`,
  `${path}/..;/login`,
  `${path}/../login/x`,
  `${path};x`,
  `${path};x=/public`,
  `${path}%3fx`,
  `${path}%23`,
  `${path}%00`,
  `${path}%20`,
  `${path}%09`,
  `${path}.html`,
  path.toUpperCase(),
  path.replace(/[a-z]/, (c) => c.toUpperCase()),
  path.replace(/[a-z](?=\w*$)/, (c) => `%${c.charCodeAt(0).toString(16)}%00`),
  path.replace(/^\//, '/./'),
  path.replace(/^\//, '/%2e/'),
  path.replace(/^\//, '/x/../'),
  path.replace(/^\//, '/x/%2e%2e/'),
  path.replace(/^\//, '/..%2f'),
  path.replace(/^\//, '/%5c'),
  path.replace(/^\//, '/\\'),
  `/health/live/..${path}`,
  `/health/live/..;${path}`,
  `/health/live%2f..${path}`,
  `/api/v1${path}`,
];

t.test('attacks 59: another spelling of a page is not that page, and has none of its effects', async (t) => {
  const listening = await openWorld(db, { clock: s.clock });
  await listening.app.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(() => listening.app.close());
  const { port } = listening.app.server.address() as AddressInfo;
  /** To the letter: no client of stock would send these paths as they are. */
  const raw = (method: string, target: string, headers: Record<string, string>, body = '') =>
    new Promise<{ status: number; text: string }>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve({ status: Number(text.slice(9, 12)), text }));
      const all = { host: 'localhost', connection: 'close', 'content-length': `${body.length}`, ...headers };
      const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.end(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
    });
  const alice = await s.signedInBrowser();
  const cookie = [...alice.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const waiting = (await s.ask(alice, third)).url.slice(s.issuer.length);
  const posts: Record<string, string> = {
    '/login': new URLSearchParams({ username: 'alice', password: PASSWORD }).toString(),
    [waiting]: 'decision=allow',
    '/oauth2/device': 'user_code=BCDF-GHJK',
    '/oauth2/logout': 'decision=logout',
    '/oauth2/authorize': queryFor(),
    '/setup': 'token=x',
    '/api/v1/logout': '',
  };
  const before = await made();
  const isNothing = (t: Test, answer: { status: number; text: string }, what: string) => {
    // 410: behind /interaction/ it is another interaction, which there is not.
    t.ok([400, 403, 404, 405, 410, 415].includes(answer.status), `${what}: ${answer.status}`);
    t.notMatch(answer.text, /^(location|set-cookie: signet_session|access-control-allow-origin):/im, what);
  };
  for (const [path, body] of Object.entries(posts))
    for (const target of spelled(path)) {
      isNothing(t, await raw('GET', `${target}?${queryFor()}`, { cookie }), `GET ${target}`);
      isNothing(t, await raw('POST', target, { cookie, ...form }, body), `POST ${target}`);
    }
  // The rule for other sites is not got round by what stands behind the path either.
  const crossSite = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example', cookie, ...form };
  for (const path of ['/login', waiting, '/oauth2/device', '/setup'])
    for (const tail of [
      '',
      '?x=/oauth2/authorize',
      '?/oauth2/logout',
      '#/oauth2/authorize',
      '?%2foauth2%2fauthorize',
    ]) {
      const answer = await raw('POST', `${path}${tail}`, crossSite, posts[path]);
      t.ok([400, 403, 404].includes(answer.status), `${path}${tail}: ${answer.status}`);
      t.notMatch(answer.text, /^(location|set-cookie):/im);
    }
  // An absolute address names a host of its own: its path is the path (RFC 9112 §3.2.2), its host is nothing.
  for (const path of ['/login', waiting]) {
    const looked = await raw('GET', `http://evil.example${path}`, { cookie });
    t.notMatch(looked.text, 'evil', path);
    const posted = await raw('POST', `http://evil.example${path}`, crossSite, posts[path]);
    t.equal(posted.status, 403, path);
  }
  t.same(await made(), before, 'no code, no session, nothing');
  t.match((await alice.get('/')).response.body, /signed in as <strong>alice/, 'and nobody was logged out');
});

t.test('attacks 49: a parameter twice is refused by every endpoint and page, and nothing comes of it', async (t) => {
  const alice = await s.signedInBrowser();
  const cookie = [...alice.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const waiting = (await s.ask(alice, third)).url.slice(s.issuer.length);
  const par = queryFor({ client_id: undefined, state: undefined });
  const places: [string, string, Record<string, string>][] = [
    ['/oauth2/par', par, basic(web)],
    ['/oauth2/device_authorization', `client_id=${box.id}&scope=openid`, {}],
    ['/oauth2/token', `client_id=${spa.id}&grant_type=authorization_code&code=x&redirect_uri=x&code_verifier=x`, {}],
    ['/oauth2/userinfo', 'access_token=x', {}],
    ['/oauth2/logout', `client_id=${web.id}&state=x&post_logout_redirect_uri=https://app.example`, { cookie }],
    ['/login', `username=alice&password=${encodeURIComponent(PASSWORD)}&next=/`, {}],
    ['/oauth2/device', 'user_code=BCDF-GHJK&decision=allow&confirmation=x', { cookie }],
    [waiting, 'decision=allow&shown=x', { cookie }],
    ['/setup', 'token=x&username=x&password=x', {}],
  ];
  const before = await made();
  for (const [url, right, headers] of places)
    for (const name of right.split('&').map((one) => one.split('=')[0] as string)) {
      const value = new URLSearchParams(right).get(name) as string;
      const escaped = `%${name.charCodeAt(0).toString(16)}${name.slice(1)}`;
      for (const again of [`${name}=${encodeURIComponent(value)}`, `${name}=other`, `${name}=`, `${escaped}=other`])
        for (const payload of [`${right}&${again}`, `${again}&${right}`]) {
          const answer = await s.http.form(url, payload, headers);
          t.same([answer.statusCode, answer.headers['location']], [400, undefined], `${url}: ${again}`);
        }
    }
  for (const [url, query] of [
    ['/login', 'next=/'],
    ['/oauth2/device', 'user_code=x'],
    ['/oauth2/logout', 'client_id=x'],
    ['/oauth2/userinfo', 'x=1'],
    [waiting, 'x=1'],
    ['/setup', 'token=x'],
  ] as const) {
    const answer = await app.inject({ url: `${url}?${query}&${query}`, headers: { cookie } });
    t.same([answer.statusCode, answer.headers['location']], [400, undefined], `GET ${url}`);
  }
  const right = queryFor({
    prompt: 'login',
    max_age: '1',
    login_hint: 'a',
    claims: '{}',
    acr_values: 'x',
    audience: 'polls',
  });
  for (const [name, value] of new URLSearchParams(right)) {
    const escaped = `%${name.charCodeAt(0).toString(16)}${name.slice(1)}`;
    for (const again of [`${name}=${encodeURIComponent(value)}`, `${name}=other`, `${name}=`, `${escaped}=other`])
      for (const [method, url, payload] of [
        ['GET', `/oauth2/authorize?${right}&${again}`, undefined],
        ['POST', '/oauth2/authorize', `${right}&${again}`],
        ['POST', `/oauth2/authorize?${right}`, again],
      ] as const) {
        const sent = await alice.follow(await alice.send(method, url, payload));
        const isPage = ['client_id', 'redirect_uri'].includes(name);
        t.match(
          responseParameters(sent),
          isPage ? { status: 400 } : { error: 'invalid_request' },
          `${method} ${again}`,
        );
        if (isPage) t.notOk(sent.response.headers.location);
      }
  }
  const after = await made();
  t.same({ ...after, requests: 0 }, { ...before, requests: 0 }, 'no code, no session, no device');
});

t.test('attacks 45 (A5): what a page of another site may send, and may read', async (t) => {
  const yaml = (await app.inject('/openapi.yaml')).body;
  const paths = [...yaml.matchAll(/^ {2}"?(\/[^\s":]*)"?:$/gm)].map(([, path]) => path as string);
  t.ok(paths.length > 30, `${paths.length} paths`);
  // What discovery names (`test/clients/cors.e2e.test.ts`), and public documents.
  const endpoints = ['token', 'revoke', 'introspect', 'userinfo', 'register', 'par', 'device_authorization'];
  const isOpen = (path: string) =>
    /^\/(\.well-known|status-lists|openapi)/.test(path) || endpoints.some((one) => path === `/oauth2/${one}`);
  const alice = await s.signedInBrowser();
  const cookie = [...alice.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  for (const path of paths) {
    const url = path.replace(/\{\w+\}/g, '0196d3a0-0000-7000-8000-000000000000');
    for (const origin of [
      'https://evil.example',
      'null',
      'https://app.example',
      'http://localhost:4000.evil.example',
    ]) {
      const headers = {
        origin,
        cookie,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'x',
      };
      const asked = await app.inject({ method: 'OPTIONS', url, headers });
      t.equal(asked.statusCode, isOpen(path) ? 204 : 405, `preflight of ${path}`);
      t.equal(asked.headers['access-control-allow-origin'], isOpen(path) ? '*' : undefined, path);
      if (path.includes('events')) continue;
      for (const method of ['GET', 'POST'] as const) {
        const answer = await app.inject({ method, url, headers: { origin, cookie, 'sec-fetch-site': 'cross-site' } });
        const allowed = answer.headers['access-control-allow-origin'];
        t.ok(allowed === undefined || allowed === '*', `${method} ${path}`);
        t.equal(answer.headers['access-control-allow-credentials'], undefined, `${method} ${path}`);
        if (!isOpen(path)) t.equal(allowed, undefined, `${method} ${path} is read by nobody`);
      }
    }
  }
});

t.test('attacks 51: nothing of a request is in a cookie, and no step of it can be left out', async (t) => {
  const browser = s.openBrowser();
  const login = await s.ask(browser, third, { scope: 'openid email', state: 'the-state', nonce: 'the-nonce' });
  const consent = await browser.submit(login, { username: 'alice', password: PASSWORD });
  t.match(consent.response.body, /Allow Third/);
  for (const value of browser.cookies.values()) t.match(value, /^[\w-]{43}$/, '256 random bits');
  t.notMatch(`${login.url} ${consent.url}`, /the-state|the-nonce|c_|email/, 'nor in an address');
  const secret = consent.url.split('/').at(-1) as string;
  for (const decision of [undefined, '', 'maybe', 'ALLOW']) {
    const { response } = await browser.send(
      'POST',
      `/interaction/${secret}`,
      decision === undefined ? {} : { decision },
    );
    t.notMatch(String(response.headers.location), 'code=', `decision ${decision}`);
  }
  const { response: unseen } = await browser.send('POST', `/interaction/${secret}`, { decision: 'allow' });
  t.notMatch(String(unseen.headers.location), 'code=', 'what was shown is not told');
  const done = responseParameters(await browser.submit(consent, { decision: 'allow' }));
  t.match(done, { code: /./, state: 'the-state' });
  const without = await s.redeem(String(done['code']), { code_verifier: '' }, third);
  t.same([without.statusCode, without.json().error], [400, 'invalid_grant'], 'PKCE is not left out');
});

t.test('attacks 53: a flow that was begun in one browser ends in no other, whoever is signed in there', async (t) => {
  const [mallory, alice] = [s.openBrowser(), await s.signedInBrowser()];
  const begun = await s.ask(mallory, web, { state: 'of-mallory' });
  const secret = /interaction\/([\w-]{43})/.exec(begun.url)?.[1] as string;
  const before = await made();
  for (const visit of [
    await alice.open(`/interaction/${secret}`),
    await alice.send('POST', `/interaction/${secret}`, { decision: 'allow' }),
    await alice
      .send('POST', '/login', { username: 'alice', password: PASSWORD, next: `/interaction/${secret}` })
      .then(alice.follow),
  ])
    t.same([visit.response.statusCode, 'code' in responseParameters(visit)], [410, false], visit.url);
  t.equal((await made()).codes, before.codes);
  // With the victim's session and the attacker's browser cookie, as a cookie that was set from a neighbouring host.
  const planted = await s.signedInBrowser();
  planted.cookies.set('signet_flow', mallory.cookies.get('signet_flow') as string);
  const page = await planted.open(`/interaction/${secret}`);
  t.match(
    responseParameters(page),
    { state: 'of-mallory' },
    'it is bound to that cookie, and __Host- keeps it to this host over https',
  );
  const own = s.openBrowser();
  own.cookies.set('signet_flow', 'A'.repeat(43));
  const login = await s.ask(own, web);
  t.match(responseParameters(await own.submit(login, { username: 'alice', password: PASSWORD })), { code: /./ });
});

t.test('attacks 27: whose name is locked is locked at every door, and guesses at each count for all', async (t) => {
  const own = await openTestEmbedded();
  t.teardown(() => own.close());
  const at = await openPolls(own, { environment: { SIGNET_THROTTLE_NAME: '4' } });
  const doors: Record<string, (password: string) => Promise<number>> = {
    'login API': async (password) => {
      const payload = { username: 'ALICE', password };
      return (await at.app.inject({ method: 'POST', url: '/api/v1/login', payload })).statusCode;
    },
    'login page': async (password) =>
      (await at.openBrowser().send('POST', '/login', { username: 'alice', password })).response.statusCode,
    'password change': async (password) =>
      (
        await at.app.inject({
          method: 'POST',
          url: '/api/v1/account/password',
          headers: { cookie: at.cookie },
          payload: { current_password: password, new_password: 'another long enough phrase' },
        })
      ).statusCode,
  };
  const browser = await at.signedInBrowser();
  const stepUp = await at.ask(browser, at.web, { prompt: 'login' });
  const waiting = await at.ask(at.openBrowser(), at.web);
  doors['step-up'] = async (password) =>
    (await browser.submit(stepUp, { username: 'alice', password })).response.statusCode;
  doors['login on the way to a client'] = async (password) =>
    (await at.openBrowser().submit(waiting, { username: 'alice', password })).response.statusCode;
  for (const [first, guess] of Object.entries(doors)) {
    for (let time = 0; time < 4; time++) t.not(await guess('a wrong phrase'), 429, `${first}: guess ${time}`);
    for (const [other, enter] of Object.entries(doors)) t.equal(await enter(PASSWORD), 429, `${first}, then ${other}`);
    at.clock.pass(3600);
  }
  t.equal(await doors['login page']?.(PASSWORD), 303, 'an hour later they get in');
});
