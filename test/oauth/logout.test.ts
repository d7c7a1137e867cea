import { endSessionsByOperator } from '../../src/sessions/index.ts';
import { RefreshGrant, readGrant, signJwt } from '../../src/tokens/index.ts';
import { User } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import { BACK } from '../support/flows.ts';
import { audit } from '../support/server.ts';
import t, { type Test } from '../support/tap.ts';
import { openSessions } from '../support/world.ts';

type World = Awaited<ReturnType<typeof openSessions>>;
type Response = Awaited<ReturnType<World['get']>>;

const crossSite = { 'sec-fetch-site': 'cross-site', origin: 'https://app.example' };
const ownPage = { 'sec-fetch-site': 'same-origin', origin: 'http://localhost:4000' };

/** A page that asks, and has done nothing. */
function isQuestion(t: Test, response: Response, why: string): void {
  t.equal(response.statusCode, 200, why);
  t.match(response.body, /name="decision" value="logout"/, why);
  t.match(response.body, /name="decision" value="stay"/, why);
  t.equal(response.headers['set-cookie'], undefined, 'the cookie stays');
}

function isRedirect(t: Test, response: Response, to: string, why: string): void {
  t.same([response.statusCode, response.headers.location], [303, to], why);
  t.match(String(response.headers['set-cookie']), /^signet_session=;/, 'N7: the cookie is cleared');
}

/** What a browser sends when its user presses a button of the page. */
function decisionForm(html: string, decision: 'logout' | 'stay'): Record<string, string> {
  const hidden = [...html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)];
  const text = (escaped: string) =>
    escaped.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
  return { ...Object.fromEntries(hidden.map(([, name, value]) => [name, text(value as string)])), decision };
}

t.test('logout', (t) =>
  onEachEngine(t, async (t, db) => {
    const s = await openSessions(db);
    const { clock, logIn, idToken, get, post, keys, issuer } = s;
    const web = await s.make('Web', { postLogoutRedirectUris: [BACK, 'https://app.example/bye'] });
    const other = await s.make('Other', { postLogoutRedirectUris: ['https://other.example/'] });
    const of = (client: typeof web, browser: Awaited<ReturnType<typeof logIn>>) => ({
      id_token_hint: idToken(client, browser),
      post_logout_redirect_uri: BACK,
    });

    await t.test(
      'OIDC RP-Initiated Logout §2, §3 (L1): by GET and by POST an ID token of this session ends it, and state comes back',
      async (t) => {
        for (const [how, send] of Object.entries({ get, post })) {
          const browser = await logIn();
          const answer = await send({ ...of(web, browser), state: 'a b&c=d', client_id: web.id }, browser);
          isRedirect(t, answer, `${BACK}&state=a%20b%26c%3Dd`, how);
          t.notOk(await browser.isSignedIn(), 'the session is dead at the server');
        }
        const browser = await logIn();
        const { id_token_hint } = of(web, browser);
        isRedirect(t, await get({ id_token_hint, post_logout_redirect_uri: BACK }, browser), BACK, 'without state');
        const plain = await get({ id_token_hint }, await logIn());
        isQuestion(t, plain, 'and of another session: the user is asked');
      },
    );

    await t.test('OIDC RP-Initiated Logout §2 (L1): an ID token that has expired is as good', async (t) => {
      const browser = await logIn();
      const fields = of(web, browser);
      clock.pass(3600);
      isRedirect(t, await get(fields, browser), BACK, 'an hour later');
      t.notOk(await browser.isSignedIn());
      isRedirect(t, await get(fields, null), BACK, 'a session that is over already: nothing is left to ask');
      const blind = await post(fields, null, crossSite);
      t.same([blind.statusCode, blind.headers.location], [303, BACK], 'wherever that is asked from');
      t.equal(blind.headers['set-cookie'], undefined, 'but a cookie that was not shown stays');
    });

    await t.test('OIDC RP-Initiated Logout §2 (L1): without a URI to go to, a page says that it is done', async (t) => {
      const browser = await logIn();
      const answer = await get({ id_token_hint: idToken(web, browser), state: 'x' }, browser);
      t.same([answer.statusCode, answer.headers.location], [200, undefined]);
      t.match(answer.body, /<h1>You are signed out<\/h1>/);
      t.notOk(await browser.isSignedIn());
    });

    await t.test('OIDC RP-Initiated Logout §2 (L2): without a hint the user is asked, and decides', async (t) => {
      const browser = await logIn();
      const fields = { client_id: web.id, post_logout_redirect_uri: BACK, state: '"<b>' };
      const page = await get(fields, browser);
      isQuestion(t, page, 'who sent it may be anybody');
      t.match(page.body, /<form method="post" action="logout">/, 'to its own address, behind any prefix of a proxy');
      isQuestion(t, await get({ ...fields, decision: 'logout' }, browser), 'a link decides nothing');
      t.match(page.body, /signed in as <strong>alice/);
      t.match(page.body, /<strong>Web<\/strong> sent you/);
      t.notMatch(page.body, '"<b>', 'what was sent stands in the page as text');
      t.match(
        page.headers['content-security-policy'],
        /form-action 'self' https:;/,
        'the way back is open to the form',
      );
      t.ok(await browser.isSignedIn(), 'nothing has happened');
      const stayed = await post(decisionForm(page.body, 'stay'), browser, ownPage);
      t.match(stayed.body, /<h1>You are still signed in<\/h1>/);
      t.ok(await browser.isSignedIn());
      const left = await post(decisionForm(page.body, 'logout'), browser, ownPage);
      isRedirect(t, left, `${BACK}&state=%22%3Cb%3E`, 'the user said so, and the client registered it');
      t.notOk(await browser.isSignedIn());
      const bare = await logIn();
      const asked = await get({}, bare);
      isQuestion(t, asked, 'no parameter at all');
      t.match((await post(decisionForm(asked.body, 'logout'), bare, ownPage)).body, /You are signed out/);
      t.notOk(await bare.isSignedIn());
    });

    await t.test(
      'OIDC RP-Initiated Logout §2 (L2): a hint that is tampered with, foreign, of another kind or another client asks, and never leads on',
      async (t) => {
        const browser = await logIn();
        const good = idToken(web, browser);
        const [head, body, signature] = good.split('.') as [string, string, string];
        const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
        const sign = (typ: string, changed: object) => signJwt(keys, typ, 'RS256', { ...claims, ...changed });
        const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
        const changed = Buffer.from(JSON.stringify({ ...claims, nonce: 'm' })).toString('base64url');
        const foreign: Record<string, Record<string, string>> = {
          'another payload': { id_token_hint: `${head}.${changed}.${signature}` },
          'no signature': { id_token_hint: `${none}.${body}.` },
          'no token': { id_token_hint: 'x' },
          'of another issuer': { id_token_hint: sign('JWT', { iss: 'https://evil.example' }) },
          'an access token': { id_token_hint: sign('at+jwt', {}) },
          'an access token of the type JWT': { id_token_hint: sign('JWT', { client_id: web.id }) },
          'a logout token': { id_token_hint: sign('logout+jwt', {}) },
          'for an API': { id_token_hint: sign('JWT', { aud: 'polls' }) },
          'aud is not client_id': { id_token_hint: good, client_id: other.id },
          'an unknown client': { client_id: 'c_nobody' },
        };
        for (const [why, fields] of Object.entries(foreign)) {
          const all = { post_logout_redirect_uri: BACK, client_id: web.id, ...fields };
          const page = await get(all, browser);
          isQuestion(t, page, why);
          t.notMatch(page.body, 'sent you here', 'nobody is named');
        }
        t.ok(await browser.isSignedIn());
        const all = { post_logout_redirect_uri: BACK, ...(foreign['another payload'] as Record<string, string>) };
        const answer = await post({ ...all, decision: 'logout' }, browser, ownPage);
        t.same([answer.statusCode, answer.headers.location], [200, undefined], 'even when the user says yes');
        t.notOk(await browser.isSignedIn(), 'who is signed out all the same');
      },
    );

    await t.test('OIDC RP-Initiated Logout §3 (L2): only a URI that is registered, as it is', async (t) => {
      const added = [`${BACK}&x=1`, `${BACK}#x`, `${BACK}/`, BACK.toUpperCase(), 'https://app.example/signed-out'];
      const evil = ['https://evil.example/', '//evil.example', 'javascript:alert(1)', 'https://other.example/', ' '];
      for (const uri of [...added, ...evil, `${BACK}%00`, 'https://app.example/cb']) {
        const browser = await logIn();
        const answer = await get({ ...of(web, browser), post_logout_redirect_uri: uri, state: 's' }, browser);
        t.same([answer.statusCode, answer.headers.location], [200, undefined], uri);
        t.match(answer.body, /You are signed out/, 'the logout itself is in order');
        t.notMatch(answer.body, 'evil');
      }
    });

    await t.test('attacks 2.4 (L2): what a page of another site posts leads to the question at the most', async (t) => {
      const browser = await logIn();
      const elsewhere: Record<string, string>[] = [
        crossSite,
        { origin: 'https://evil.example' },
        { 'sec-fetch-site': 'same-site' },
        { origin: 'null' },
      ];
      for (const headers of elsewhere) {
        const sent = { ...of(web, browser), decision: 'logout' };
        isQuestion(t, await post(sent, browser, headers), 'with a right ID token and the cookie');
        isQuestion(t, await post(sent, null, headers), 'without the cookie, as browsers do (SameSite=Lax)');
        isQuestion(t, await post({ decision: 'stay' }, browser, headers), 'stay is no decision of the user either');
        isQuestion(t, await post({}, null, headers), 'nothing at all');
      }
      t.ok(await browser.isSignedIn());
      const page = await post(of(web, browser), null, crossSite);
      isRedirect(
        t,
        await post(decisionForm(page.body, 'logout'), browser, ownPage),
        BACK,
        'the button is of our own page',
      );
      t.notOk(await browser.isSignedIn());
    });

    await t.test('L2: a hint of another session than the browser’s asks, and ends that session never', async (t) => {
      const [mine, elsewhere, bob] = [await logIn(), await logIn(), await logIn('bob')];
      isQuestion(t, await get(of(web, elsewhere), mine), 'another browser of the same user');
      isQuestion(t, await get(of(web, bob), mine), 'another user');
      isQuestion(t, await get(of(web, elsewhere), null), 'no session here, though it lives elsewhere');
      const page = await get(of(web, bob), mine);
      isRedirect(t, await post(decisionForm(page.body, 'logout'), mine, ownPage), BACK, 'the user said yes');
      t.same([await mine.isSignedIn(), await elsewhere.isSignedIn(), await bob.isSignedIn()], [false, true, true]);
      const blind = await get(of(web, bob), null);
      await post(decisionForm(blind.body, 'logout'), null, ownPage);
      t.ok(await bob.isSignedIn());
    });

    await t.test('nobody is signed in: a page says so, and a client that is known is a link away', async (t) => {
      const page = await get({ client_id: web.id, post_logout_redirect_uri: BACK, state: 's' }, null);
      t.same([page.statusCode, page.headers.location], [200, undefined], 'anybody could have sent it');
      t.match(page.body, /<a href="https:&#47;&#47;app.example|<a href="https:\/\/app.example/);
      t.match((await get({}, null)).body, /You are signed out/);
      t.notMatch((await get({ post_logout_redirect_uri: BACK }, null)).body, '<a href');
    });

    await t.test('a client that is disabled sends nobody anywhere', async (t) => {
      const closed = await s.make('Closed', { postLogoutRedirectUris: [BACK] });
      const browser = await logIn();
      await db.fork().execute('update oauth_client set is_active = false where id = ?', [closed.principal]);
      isQuestion(t, await get(of(closed, browser), browser), 'it is nobody');
    });

    await t.test('RFC 9110 §9.3.2: a HEAD ends nothing', async (t) => {
      const browser = await logIn();
      const url = `/oauth2/logout?${new URLSearchParams(of(web, browser))}`;
      const answer = await s.app.inject({ method: 'HEAD', url, headers: { cookie: browser.cookie } });
      t.same([answer.statusCode, answer.headers['set-cookie']], [200, undefined]);
      t.ok(await browser.isSignedIn());
    });

    await t.test('attacks 49: a parameter that is there twice is refused, and nothing happens', async (t) => {
      const browser = await logIn();
      const fields = of(web, browser);
      const query = new URLSearchParams(fields).toString();
      const twice = [
        await s.app.inject({ url: `/oauth2/logout?${query}&state=a&state=b`, headers: { cookie: browser.cookie } }),
        await s.app.inject({
          method: 'POST',
          url: `/oauth2/logout?state=a`,
          headers: { cookie: browser.cookie, 'content-type': 'application/x-www-form-urlencoded' },
          payload: `${query}&state=b`,
        }),
      ];
      for (const answer of twice) t.equal(answer.statusCode, 400, answer.body.slice(0, 200));
      t.ok(await browser.isSignedIn());
    });

    await t.test('the page shows itself in no frame, runs nothing and is kept nowhere', async (t) => {
      const { headers } = await get({}, await logIn());
      t.match(headers['content-security-policy'], /default-src 'none'.*form-action 'self';.*frame-ancestors 'none'/);
      t.match(headers, { 'x-frame-options': 'DENY', 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
    });

    await t.test('OIDC Discovery: the endpoint is published', async (t) => {
      const document = (await s.app.inject('/.well-known/openid-configuration')).json();
      t.match(document, {
        end_session_endpoint: `${issuer}/oauth2/logout`,
        backchannel_logout_supported: true,
        backchannel_logout_session_supported: true,
      });
    });

    await t.test(
      'OIDC Core §11, OIDC Back-Channel Logout §2.7 (L2): what a client holds without offline_access ends with the session, the rest goes on',
      async (t) => {
        const browser = await logIn();
        const [online, offline] = [await s.grant(web, browser), await s.grant(web, browser, true)];
        isRedirect(t, await get(of(web, browser), browser), BACK, 'logged out');
        const isLive = async (id: string) => (await readGrant(db, id, clock.now()))?.isLive;
        t.same([await isLive(online.grant.id), await isLive(offline.grant.id)], [false, true]);
        t.match(await db.fork().findOneOrFail(RefreshGrant, online.grant.id), { endedReason: 'session_ended' });
        const alice = await db.fork().findOneOrFail(User, { username: 'alice' });
        const again = await logIn();
        const kept = await s.grant(web, again, true);
        await db.fork().transactional((tx) => endSessionsByOperator(tx, audit(clock.now()), alice));
        t.equal(await isLive(kept.grant.id), true, 'an operator who ends sessions ends sessions');
        await db.fork().nativeUpdate(User, { id: alice.id }, { isActive: false });
        t.equal(await isLive(kept.grant.id), false, 'who is locked out has nothing');
      },
    );
  }),
);
