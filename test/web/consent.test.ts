import { AuditEvent } from '../../src/audit/index.ts';
import { AuthorizationCode, Consent, StoredRequest } from '../../src/oauth/authorization-entities.ts';
import { Client, updateClient } from '../../src/oauth/index.ts';
import { updateApi } from '../../src/permissions/index.ts';
import { digest } from '../../src/platform/digest.ts';
import { RefreshGrant } from '../../src/tokens/index.ts';
import { hiddenFields, responseParameters } from '../support/browser.ts';
import { onEachEngine } from '../support/database.ts';
import { CALLBACK } from '../support/flows.ts';
import { PASSWORD } from '../support/http.ts';
import { audit } from '../support/server.ts';
import t from '../support/tap.ts';
import { openPolls } from '../support/world.ts';

await onEachEngine(t, async (t, db) => {
  const s = await openPolls(db);
  const bob = await s.user('bob');
  const { third, web, clock } = s;
  const permissionIds = async (...names: string[]) => (await s.choicePermissions(...names)).map((one) => one.id).sort();
  const consents = (client = third) => db.fork().find(Consent, { client: client.principal });

  await t.test(
    'RFC 6749 §4.1.1, §10.2 (A11): the page says who asks, for whom, for what, and where it goes',
    async (t) => {
      const alice = await s.signedInBrowser();
      const { response } = await s.ask(alice, third, { scope: 'openid email offline_access' });
      t.equal(response.statusCode, 200);
      for (const said of [
        /<h1>Allow Third\?<\/h1>/,
        /<strong>Third<\/strong>, a website/,
        /for you, <strong>alice<\/strong>/,
        /Know who you are/,
        /See your e-mail address/,
        /It keeps its access when you sign out/,
        /At Polls/,
        /<li>Can add choice<\/li>/,
        /<li>Can delete choice<\/li>/,
        /<strong>app\.example<\/strong>/,
        /name="decision" value="allow"/,
        /name="decision" value="deny"/,
      ])
        t.match(response.body, said);
      t.notMatch(response.body, /<script|See the groups|Privacy policy/);
      t.match(response.headers['content-security-policy'], /form-action 'self' https:;/);
      t.same(await consents(), [], 'looking is not agreeing');
    },
  );

  await t.test(
    "OpenID Connect Registration §2: the page links the client's own website, policy and terms, escaped",
    async (t) => {
      const say = (settings: object) => s.updateClient(third, { settings });
      await say({ clientUri: 'https://app.example/?a=1&b=2', policyUri: 'https://app.example/policy' });
      const { response } = await s.ask(await s.signedInBrowser(), third, { scope: 'openid email' });
      t.match(response.body, /href="https:\/\/app\.example\/\?a=1&#38;b=2" rel="noreferrer">Website</);
      t.match(response.body, /href="https:\/\/app\.example\/policy" rel="noreferrer">Privacy policy</);
      t.notMatch(response.body, /Terms/);
      await say({ clientUri: null, policyUri: null });
    },
  );

  await t.test(
    'docs/oauth.md: the scope permissions is asked for in words, by claims= too; for an ID token not beside an API of typ JWT',
    async (t) => {
      const alice = await s.signedInBrowser();
      const said = /See what you may do at its API/;
      const named = (where: string) => ({ claims: JSON.stringify({ [where]: { permissions: null } }) });
      for (const asked of [{ scope: 'openid permissions' }, named('id_token'), named('userinfo')])
        t.match((await s.ask(alice, third, asked)).response.body, said);
      t.notMatch((await s.ask(alice, third)).response.body, said);
      await updateApi(db.fork(), audit(clock.now()), s.polls, { typ: 'JWT' });
      t.match(await s.answer(alice, third, named('id_token')), {
        error: 'invalid_request',
        error_description: /typ JWT/,
      });
      t.match((await s.ask(alice, third, named('userinfo'))).response.body, said, 'userinfo is no token');
      await updateApi(db.fork(), audit(clock.now()), s.polls, { typ: 'at+jwt' });
    },
  );

  await t.test(
    'docs/oauth.md (A11): what is allowed goes into the code, is remembered, and is not asked again',
    async (t) => {
      const alice = await s.signedInBrowser();
      const page = await s.ask(alice, third, { scope: 'openid polls.add_choice polls.change_choice' });
      t.notMatch(
        page.response.body,
        /Can change choice|Can delete choice/,
        'outside of the boundary, or not asked for',
      );
      const done = responseParameters(await alice.submit(page, { decision: 'allow' }));
      t.match(done, { code: /./, state: 's-1', iss: s.issuer });
      const row = await s.codeRow(done['code']);
      t.same(row.permissions, await permissionIds('add'));
      t.equal(row.scope, 'openid polls.add_choice');
      t.match(await consents(), [{ api: s.polls.id, scopes: ['openid', 'polls.add_choice'] }]);
      t.match(await s.answer(alice, third, { scope: 'openid polls.add_choice' }), { code: /./ }, 'again: at once');
      t.match(await s.answer(alice, third, { scope: 'openid polls.add_choice', prompt: 'none' }), { code: /./ });
      t.match(await s.answer(alice, third, { scope: 'openid polls.view_choice', prompt: 'none' }), {
        error: 'consent_required',
      });
      const more = await s.ask(alice, third, { scope: 'openid email polls.view_choice' });
      await alice.submit(more, { decision: 'allow' });
      const [both] = await consents();
      t.same(
        [...(both?.scopes ?? [])].sort(),
        ['email', 'openid', 'polls.add_choice', 'polls.view_choice'],
        'the union',
      );
      t.same([...(both?.permissions ?? [])].sort(), await permissionIds('add', 'view'));
      t.match(
        (await s.ask(alice, third, { prompt: 'consent', scope: 'openid polls.add_choice' })).response.body,
        /Allow Third/,
      );
      const event = await db.fork().find(AuditEvent, { kind: 'consent_given' });
      t.equal(event.length, 2);
      await db.fork().nativeDelete(Consent, {});
    },
  );

  await t.test(
    'OIDC Core §5.5 (A11): a claim that is asked for by name is asked of the user like its scope',
    async (t) => {
      const alice = await s.signedInBrowser();
      const first = await s.ask(alice, third, { scope: 'openid polls.add_choice' });
      await alice.submit(first, { decision: 'allow' });
      const claims = JSON.stringify({ userinfo: { email: null } });
      const page = await s.ask(alice, third, { scope: 'openid polls.add_choice', claims });
      t.match(page.response.body, /See your e-mail address/);
      t.match(await s.answer(alice, third, { scope: 'openid polls.add_choice', claims, prompt: 'none' }), {
        error: 'consent_required',
      });
      await db.fork().nativeDelete(Consent, {});
    },
  );

  await t.test(
    'RFC 6749 §4.1.1, §4.1.2.1 (A9): denied is access_denied, once, and nothing is remembered',
    async (t) => {
      const alice = await s.signedInBrowser();
      const page = await s.ask(alice, third);
      t.match(responseParameters(await alice.submit(page, { decision: 'deny' })), {
        status: 303,
        error: 'access_denied',
        state: 's-1',
      });
      t.same(await consents(), []);
      const late = await alice.submit(page, { decision: 'allow' });
      t.same([late.response.statusCode, late.response.headers.location], [410, undefined]);
      t.match(late.response.body, /Go back to the application/);
    },
  );

  await t.test(
    'docs/oauth.md: a first-party client asks nobody, unless it is to, or the request says so',
    async (t) => {
      const alice = await s.signedInBrowser();
      t.match(await s.answer(alice, web), { code: /./ });
      const asked = await s.ask(alice, web, { prompt: 'consent' });
      t.match(asked.response.body, /Do whatever you may do there/);
      const done = responseParameters(await alice.submit(asked, { decision: 'allow' }));
      t.equal((await s.codeRow(done['code'])).permissions, null, 'uncut');
      await s.set(web, { askConsent: true });
      const page = await s.ask(alice, web, { scope: 'openid email' });
      t.match(page.response.body, /Allow Web/);
      await alice.submit(page, { decision: 'allow' });
      t.match(await s.answer(alice, web, { scope: 'openid email' }), { code: /./ }, 'remembered');
      await s.set(web, {});
    },
  );

  await t.test('RFC 8252 §8.6: an app that another app could replace is allowed each time', async (t) => {
    const app = await s.client('Desk app', {
      preset: 'native',
      redirectUris: ['http://127.0.0.1/cb', 'com.example.app:/cb'],
      requests: [s.polls],
    });
    const alice = await s.signedInBrowser();
    for (const redirect of ['http://127.0.0.1:7777/cb', 'com.example.app:/cb'])
      for (let i = 0; i < 2; i++) {
        const page = await s.ask(alice, app, { redirect_uri: redirect });
        t.match(page.response.body, /an app on your device/, redirect);
        t.match(
          page.response.body,
          redirect.startsWith('com') ? /the app <strong>com\.example\.app/ : /a program on this computer/,
        );
        const targets = redirect.startsWith('com')
          ? /form-action 'self' com\.example\.app:;/
          : /form-action 'self' http: https:;/;
        t.match(page.response.headers['content-security-policy'], targets);
        const { response } = await alice.submit(page, { decision: 'allow' });
        t.match(response.headers.location, new RegExp(`^${redirect.replaceAll('.', '\\.')}\\?code=`));
      }
  });

  await t.test('attacks 53: what was shown to alice is not allowed by bob, and not more than was shown', async (t) => {
    const browser = await s.signedInBrowser();
    const page = await s.ask(browser, third);
    await browser.send('POST', '/login', { username: 'bob', password: PASSWORD });
    const again = await browser.submit(page, { decision: 'allow' });
    t.match(again.response.body, /for you, <strong>bob<\/strong>/, 'bob is asked himself');
    t.same(await consents(), []);
    const [change] = await s.choicePermissions('change');
    await s.allow(third, s.polls, 'polls.change_choice');
    const more = await browser.submit(again, { decision: 'allow' });
    t.match(more.response.body, /Can change choice/, 'and shown what came to it meanwhile');
    const done = responseParameters(await browser.submit(more, { decision: 'allow' }));
    t.equal((await s.codeRow(done['code'])).principal, bob.id);
    t.ok((await s.codeRow(done['code'])).permissions?.includes(change?.id as string));
    await db.fork().nativeDelete(Consent, {});
  });

  await t.test('attacks 53: an interaction belongs to one browser, and is looked at by no other', async (t) => {
    const alice = await s.signedInBrowser();
    const page = await s.ask(alice, third);
    const bob = await s.signedInBrowser('bob');
    const stranger = await bob.get(page.url);
    t.equal(stranger.response.statusCode, 410);
    t.equal(
      (await bob.send('POST', page.url, { ...hiddenFields(page.response.body), decision: 'allow' })).response
        .statusCode,
      410,
    );
    alice.cookies.delete('signet_flow');
    t.equal((await alice.get(page.url)).response.statusCode, 410, 'attacks 43: cookies partly deleted');
    const kept = await db.fork().find(StoredRequest, {});
    t.notOk(
      kept.some((one) => JSON.stringify(one).includes(page.url.slice(-43))),
      'only its digest is kept',
    );
    for (const id of ['x', 'A'.repeat(43), '%00', '..%2f'])
      t.ok([400, 404, 410].includes((await alice.get(`/interaction/${id}`)).response.statusCode), id);
  });

  await t.test('a user other than the signed-in one can sign in instead, and is asked', async (t) => {
    const alice = await s.signedInBrowser();
    const page = await s.ask(alice, third);
    const link = /href="([^"]*)">Sign in as somebody else/.exec(page.response.body)?.[1]?.replace('&amp;', '&') ?? '';
    const login = await alice.open(new URL(link, page.url).href);
    t.match(login.response.body, /You are signed in as <strong>alice/);
    const other = await alice.submit(login, { username: 'bob', password: PASSWORD });
    t.match(other.response.body, /for you, <strong>bob<\/strong>/);
  });

  await t.test('docs/login-api.md: the form comes from a page of Signet', async (t) => {
    const alice = await s.signedInBrowser();
    const page = await s.ask(alice, third);
    const form = { ...hiddenFields(page.response.body), decision: 'allow' };
    const { response } = await alice.send('POST', page.url, form, { 'sec-fetch-site': 'cross-site' });
    t.same([response.statusCode, response.headers['content-type']], [403, 'text/html; charset=utf-8']);
    t.match(
      (await alice.send('POST', page.url, { ...form, shown: 'x' })).response.body,
      /Allow Third/,
      'forged: asked again',
    );
    t.match((await alice.send('POST', page.url, {})).response.body, /Allow Third/, 'no answer: asked again');
    t.match(responseParameters(await alice.send('POST', page.url, form)), { code: /./ });
    await db.fork().nativeDelete(Consent, {});
  });

  await t.test('reloads before the end work; half an hour later it is over', async (t) => {
    const alice = await s.signedInBrowser();
    const page = await s.ask(alice, third);
    for (let i = 0; i < 3; i++) t.equal((await alice.get(page.url)).response.statusCode, 200);
    clock.pass(1801);
    t.equal((await alice.get(page.url)).response.statusCode, 410);
  });

  await t.test(
    'docs/oauth.md, docs/decisions/0014: of 50 that complete one interaction at once, one code is good',
    async (t) => {
      const alice = await s.signedInBrowser();
      const page = await s.ask(alice, third);
      const codes = await s.codes();
      const form = { ...hiddenFields(page.response.body), decision: 'allow' };
      const all = await Promise.all(Array.from({ length: 50 }, () => alice.send('POST', page.url, form)));
      t.same(new Set(all.map((one) => one.response.statusCode)), new Set([303]));
      const given = [...new Set(all.map((one) => String(responseParameters(one)['code'])))];
      const good = await Promise.all(given.map((code) => db.fork().count(AuthorizationCode, { digest: digest(code) })));
      t.equal(good.filter((one) => one === 1).length, 1);
      t.equal(await s.codes(), codes + 1);
      await db.fork().nativeDelete(Consent, {});
    },
  );

  await t.test('attacks 79: a client that is disabled meanwhile, or loses its address, gets nothing', async (t) => {
    const alice = await s.signedInBrowser();
    const page = await s.ask(alice, third);
    const form = { ...hiddenFields(page.response.body), decision: 'allow' };
    const client = await db.fork().findOneOrFail(Client, { id: third.principal });
    await updateClient(db.fork(), audit(), client, { redirectUris: ['https://app.example/moved'] });
    const moved = await alice.send('POST', page.url, form);
    t.same([moved.response.statusCode, moved.response.headers.location], [400, undefined]);
    await updateClient(db.fork(), audit(), client, { redirectUris: [CALLBACK], isActive: false });
    t.equal((await alice.get(page.url)).response.statusCode, 400);
    t.equal((await s.ask(alice, third)).response.statusCode, 400);
    await updateClient(db.fork(), audit(), client, { isActive: true });
    t.match((await alice.get(page.url)).response.body, /Allow Third/, 'and goes on when it is back');
  });

  await t.test('ASVS 10.7 (A11): a user sees what was allowed, and takes it back', async (t) => {
    const alice = await s.signedInBrowser();
    const cookie = [...alice.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const list = async () => (await s.app.inject({ url: '/api/v1/account/grants', headers: { cookie } })).json().grants;
    t.same(await list(), []);
    const page = await s.ask(alice, third, { scope: 'openid offline_access polls.add_choice' });
    const done = responseParameters(await alice.submit(page, { decision: 'allow' }));
    const tokens = (await s.redeem(done['code'] as string, {}, third)).json();
    t.type(tokens.refresh_token, 'string');
    t.match(await list(), [
      {
        client_id: third.id,
        name: 'Third',
        is_first_party: false,
        scopes: ['offline_access', 'openid', 'polls.add_choice'],
        permissions: [{ audience: 'polls', name: 'polls.add_choice', label: 'Can add choice' }],
        created_at: clock.now().toISOString(),
        last_used_at: clock.now().toISOString(),
      },
    ]);
    const end = (id: string, headers: Record<string, string> = { cookie }) =>
      s.app.inject({ method: 'DELETE', url: `/api/v1/account/grants/${id}`, headers });
    t.equal((await end(third.id, {})).statusCode, 401);
    t.equal((await end('c_nobody')).statusCode, 404);
    const bob = await s.signedInBrowser('bob');
    const asBob = { cookie: [...bob.cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
    t.equal((await end(third.id, asBob)).statusCode, 404, 'only the own');
    t.equal((await end(third.id)).statusCode, 204);
    t.same(await list(), []);
    const refresh = await s.post('token', { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }, third);
    t.same([refresh.statusCode, refresh.json().error], [400, 'invalid_grant']);
    t.same(await s.introspect(tokens.access_token), { active: false });
    t.match(await db.fork().find(RefreshGrant, { client: third.principal }), [{ endedReason: 'ended_by_user' }]);
    t.match(
      (await s.ask(alice, third, { scope: 'openid polls.add_choice' })).response.body,
      /Allow Third/,
      'asked again',
    );
    t.equal((await end(third.id)).statusCode, 404, 'once');
  });
});
