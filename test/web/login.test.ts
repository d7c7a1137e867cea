import { Session } from '../../src/sessions/index.ts';
import { updateUser } from '../../src/users/index.ts';
import { safeReturnTo } from '../../src/web/return-to.ts';
import { responseParameters } from '../support/browser.ts';
import { onEachEngine, openTestEmbedded } from '../support/database.ts';
import { PASSWORD } from '../support/http.ts';
import { audit, ISSUER } from '../support/server.ts';
import t from '../support/tap.ts';
import { openPolls } from '../support/world.ts';

t.test('attacks 39: next is a path of Signet itself, or the home page', async (t) => {
  for (const next of ['/', '/interaction/abc', '/oauth2/device?user_code=BCDF-GHJK', '/a/b.c/~d?x=%20&y=+'])
    t.equal(safeReturnTo(next, ISSUER), next, next);
  const others = [
    [
      '//evil.example',
      '/\\evil.example',
      '\\\\evil.example',
      '\t//evil.example',
      '/\t/evil.example',
      '/%2F%2Fevil.example',
    ],
    ['https:evil.example', 'https://evil.example', 'javascript:alert(1)', 'data:text/html,x', 'evil.example', ''],
    [
      '/a//b',
      '/a/../b',
      '/..//evil',
      '/.',
      '/a\r\nSet-Cookie: x=y',
      '/a#b',
      '/@evil.example/\\',
      '/é',
      '/a;b',
      '/a?b#c',
    ],
  ].flat();
  for (const next of others) t.equal(safeReturnTo(next, ISSUER), '/', JSON.stringify(next));
  t.equal(safeReturnTo(undefined, ISSUER), '/');
  t.equal(safeReturnTo(`/${'a'.repeat(3000)}`, ISSUER), '/');
});

t.test(
  'docs/login-api.md: below an issuer with a path every redirect is built from it, and the cookies are bound to the host',
  async (t) => {
    const db = await openTestEmbedded();
    t.teardown(() => db.close());
    const s = await openPolls(db, { environment: { SIGNET_ISSUER: 'https://id.example/auth' } });
    const browser = s.openBrowser();
    const login = await s.ask(browser, s.third);
    t.match(login.url, /^https:\/\/id\.example\/auth\/login\?next=\/interaction\//);
    t.match(login.response.body, /<form method="post">[\s\S]*<form method="post" action="interaction\/[\w-]{43}">/);
    const page = await browser.submit(login, { username: 'alice', password: PASSWORD });
    t.match(page.url, /^https:\/\/id\.example\/auth\/interaction\//);
    t.match(responseParameters(await browser.submit(page, { decision: 'allow' })), {
      code: /./,
      iss: 'https://id.example/auth',
    });
    t.same([...browser.cookies.keys()].sort(), ['__Host-signet_flow', '__Host-signet_session']);
  },
);

await onEachEngine(t, async (t, db) => {
  const s = await openPolls(db, { environment: { SIGNET_THROTTLE_NAME: '5' } });
  const bob = await s.user('bob');
  const { clock, issuer, web } = s;
  const post = (browser: ReturnType<typeof s.openBrowser>, fields: Record<string, string>, headers = {}) =>
    browser.send('POST', '/login', fields, headers);

  await t.test('the form works without scripts, and its page lets nothing in', async (t) => {
    const { response } = await s.openBrowser().get('/login');
    t.equal(response.statusCode, 200);
    t.match(response.body, /<input id="username" name="username" type="text" autocomplete="username"/);
    t.match(response.body, /<input id="password" name="password" type="password" autocomplete="current-password"/);
    t.notMatch(response.body, /<script|Cancel/);
    t.match(response.headers, {
      'content-security-policy': /^default-src 'none';.*form-action 'self'; base-uri 'none'; frame-ancestors 'none'/,
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
  });

  await t.test(
    'docs/login-api.md, RFC 9110 §15.4.4: a right password is a new session, and 303 to where it was for',
    async (t) => {
      const browser = s.openBrowser();
      const { response } = await post(browser, { username: 'alice', password: PASSWORD });
      t.same([response.statusCode, response.headers.location], [303, `${issuer}/`]);
      t.match(response.cookies[0], { httpOnly: true, sameSite: 'Lax', path: '/' });
      t.match((await browser.get('/')).response.body, /signed in as <strong>alice<\/strong>/);
      t.match(
        (await browser.get('/login')).response.headers.location,
        `${issuer}/`,
        'who is signed in need not be again',
      );
      const to = await post(s.openBrowser(), {
        username: 'alice',
        password: PASSWORD,
        next: '/oauth2/device?user_code=BCDF-GHJK',
      });
      t.equal(to.response.headers.location, `${issuer}/oauth2/device?user_code=BCDF-GHJK`);
      for (const next of ['//evil.example', '/\\evil', 'https:evil', '\t//evil', 'javascript:alert(1)', '/%2F%2Fevil'])
        t.equal(
          (await post(s.openBrowser(), { username: 'alice', password: PASSWORD, next })).response.headers.location,
          `${issuer}/`,
          `attacks 39: ${JSON.stringify(next)}`,
        );
    },
  );

  await t.test('attacks 43: a cookie that was set before is not kept over a login', async (t) => {
    const browser = s.openBrowser();
    browser.cookies.set('signet_session', 'A'.repeat(43));
    await post(browser, { username: 'alice', password: PASSWORD });
    const first = browser.cookies.get('signet_session') as string;
    t.not(first, 'A'.repeat(43));
    await post(browser, { username: 'bob', password: PASSWORD });
    const old = s.openBrowser();
    old.cookies.set('signet_session', first);
    t.match((await old.get('/')).response.body, /Sign in/, 'the session before has ended');
    t.match((await browser.get('/')).response.body, /<strong>bob<\/strong>/);
  });

  await t.test(
    'docs/login-api.md, attacks 31: one error for every user; the name stays, the password does not',
    async (t) => {
      await updateUser(db.fork(), audit(), bob, { isActive: false });
      const refusals = [];
      for (const [username, password] of [
        ['alice', 'not the password'],
        ['nobody', PASSWORD],
        ['bob', PASSWORD],
        ['alice', 'x'.repeat(2000)],
      ] as const) {
        const before = (clock as unknown as { sleeps: Date[] }).sleeps.length;
        const { response } = await post(s.openBrowser(), { username, password });
        t.equal(response.statusCode, 401, username);
        t.match(response.body, new RegExp(`name="username"[^>]* value="${username}"`));
        t.notOk(response.body.includes(PASSWORD));
        t.equal((clock as unknown as { sleeps: Date[] }).sleeps.length, before + 1, 'released at its deadline');
        refusals.push(response.body.replaceAll(username, 'X'));
      }
      t.equal(new Set(refusals).size, 1);
      await updateUser(db.fork(), audit(), bob, { isActive: true });
      const empty = (await post(s.openBrowser(), { username: 'alice', password: '' })).response;
      t.same([empty.statusCode, empty.headers['set-cookie']], [200, undefined], 'nothing typed is nothing tried');
      t.match(empty.body, /Type your username and your password/);
      const shown = (await post(s.openBrowser(), { username: '"><img src=x>', password: 'x' })).response.body;
      t.notMatch(shown, /<img/);
    },
  );

  await t.test('docs/login-api.md: the throttle of the login API, with Retry-After', async (t) => {
    let last = (await post(s.openBrowser(), { username: 'carol', password: 'wrong' })).response;
    for (let i = 0; i < 5; i++) last = (await post(s.openBrowser(), { username: 'Carol', password: 'wrong' })).response;
    t.equal(last.statusCode, 429);
    t.match(last.headers, { 'retry-after': /^\d+$/, 'content-type': 'text/html; charset=utf-8' });
    t.match(last.body, /too many attempts/);
    const api = await s.http.json('/api/v1/login', { username: 'carol', password: 'wrong' });
    t.equal(api.statusCode, 429, 'one counter for both');
    clock.pass(3600);
  });

  await t.test(
    'docs/login-api.md: pages of other sites log nobody in; what is no form is refused; all of it as pages',
    async (t) => {
      for (const headers of [
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
        { origin: 'https://evil.example' },
      ]) {
        const { response } = await post(s.openBrowser(), { username: 'alice', password: PASSWORD }, headers);
        t.same([response.statusCode, response.headers['content-type']], [403, 'text/html; charset=utf-8']);
        t.notOk(response.headers['set-cookie']);
      }
      const json = await s.openBrowser().send('POST', '/login', '{}', { 'content-type': 'application/json' });
      t.equal(json.response.statusCode, 415);
      const twice = await s.openBrowser().send('POST', '/login', 'username=a&username=b');
      t.equal(twice.response.statusCode, 400);
      t.equal((await s.openBrowser().get('/login?next=/&next=/')).response.statusCode, 400);
    },
  );

  await t.test(
    'OIDC Core §3.1.2.1 (A9): login_hint is filled in, escaped; the page says for whom, and can be called off',
    async (t) => {
      const browser = s.openBrowser();
      const login = await s.ask(browser, web, { login_hint: '"><script>alert(1)</script>' });
      t.match(login.response.body, /value="&#34;&#62;&#60;script&#62;alert\(1\)&#60;\/script&#62;"/);
      t.match(login.response.body, /To go on to <strong>Web<\/strong>/);
      t.match(
        login.response.headers['content-security-policy'],
        /form-action 'self' https:;/,
        'redirects after it pass',
      );
      const again = await browser.send('POST', '/login', { next: '/x', username: 'alice', password: 'wrong' });
      t.equal(again.response.statusCode, 401);
      const end = await browser.submit(login, { username: 'alice', password: PASSWORD });
      t.match(responseParameters(end), { code: /./, state: 's-1' });
      const other = s.openBrowser();
      other.cookies.set('signet_flow', 'B'.repeat(43));
      const foreign = await other.get(login.url);
      t.notMatch(foreign.response.body, /Web|script&#62;/, 'attacks 53: another browser is told nothing of it');
    },
  );

  await t.test('attacks 79: a session that has ended is nobody', async (t) => {
    const browser = await s.signedInBrowser();
    await db.fork().nativeUpdate(Session, { endedAt: null }, { endedAt: clock.now() });
    t.match((await browser.get('/')).response.body, /Sign in/);
    t.match((await s.ask(browser, web)).url, /\/login\?/);
  });
});
