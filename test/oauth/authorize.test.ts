import { signIdToken } from '../../src/tokens/index.ts';
import { responseParameters } from '../support/browser.ts';
import { onEachEngine } from '../support/database.ts';
import { CALLBACK, VERIFIER } from '../support/flows.ts';
import t from '../support/tap.ts';
import { openPolls } from '../support/world.ts';

await onEachEngine(t, async (t, db) => {
  const s = await openPolls(db);
  const bob = await s.user('bob');
  const like = { preset: 'web', isFirstParty: true, redirectUris: [CALLBACK], requests: [s.polls] } as const;
  const { web, spa, issuer, clock } = s;
  const alice = await s.signedInBrowser();
  const error = async (program: typeof web, more: Record<string, string | undefined>) =>
    (await s.answer(alice, program, more))['error'];

  await t.test(
    'RFC 6749 §4.1.2, §10.10, RFC 9207 §2, RFC 9700 §4.12 (A1, A4, A10): a code, the state byte for byte, and iss, by 303',
    async (t) => {
      const state = 'a b+c%20&=?#/"é\u{1f512}';
      const got = await s.answer(alice, web, { state });
      t.match(got, { status: 303, state, iss: issuer });
      t.match(String(got['code']), /^[\w-]{43}$/, 'A10: 256 bits');
      const row = await s.codeRow(got['code']);
      t.match(row, {
        client: web.principal,
        principal: s.alice.id,
        redirectUri: CALLBACK,
        nonce: 'n-1',
        consumedAt: null,
      });
      t.same(row.expiresAt.getTime() - clock.now().getTime(), 60_000, 'A10: one minute');
      t.equal(row.permissions, null, 'a first-party client is not limited');
    },
  );

  await t.test(
    'OIDC Core §3.1.2.1 (A1): POST does the same, without the cookie that another site cannot send',
    async (t) => {
      const [, query = ''] = s.urlFor(web).split('?');
      const foreign = { 'sec-fetch-site': 'cross-site', origin: 'https://app.example' };
      const posted = await alice.send('POST', '/oauth2/authorize', query, foreign);
      t.equal(posted.response.statusCode, 303);
      t.match(posted.response.headers.location, /^http:\/\/localhost:4000\/interaction\/[\w-]{43}$/, 'first kept');
      const end = await alice.follow(posted);
      t.match(responseParameters(end), { status: 303, state: 's-1', iss: issuer, code: /./ });
      const stranger = s.openBrowser();
      const login = await stranger.follow(await stranger.send('POST', '/oauth2/authorize', query));
      t.match(login.url, /\/login\?next=/, 'a user who is not signed in logs in');
    },
  );

  await t.test('RFC 6749 §3.1 (A1): empty is absent, unknown is ignored, twice is refused', async (t) => {
    t.match(await s.answer(alice, web, { login_hint: '', foo: 'bar', 'a[]': '1' }), { code: /./ });
    t.match(await error(web, { response_type: '' }), 'invalid_request');
    const twice = (name: string) => alice.open(`${s.urlFor(web)}&${name}=x`);
    t.match(responseParameters(await twice('scope')), { error: 'invalid_request', state: 's-1', iss: issuer });
    t.match(responseParameters(await twice('nonce')), { error: 'invalid_request' });
    const state = responseParameters(await twice('state'));
    t.match(state, { error: 'invalid_request' });
    t.notOk('state' in state, 'which of the two is not for us to say');
    for (const name of ['client_id', 'redirect_uri']) {
      const { response } = await twice(name);
      t.same([response.statusCode, response.headers.location], [400, undefined], `${name} twice goes nowhere`);
    }
    const both = await alice.send('POST', s.urlFor(web), 'scope=openid');
    t.match(responseParameters(both), { error: 'invalid_request' }, 'once in the query and once in the form');
    const { response } = await alice.open(s.urlFor(web, { 'client_id[]': web.id, client_id: undefined }));
    t.equal(response.statusCode, 400, 'another name is another name');
  });

  await t.test(
    'RFC 6749 §3.1.2.3, OIDC Core §3.1.2.1 (A2): redirect_uri may be absent where the client has one, and openid is not asked',
    async (t) => {
      const got = await s.answer(alice, web, { redirect_uri: undefined, scope: 'profile' });
      t.match(got, { code: /./ });
      t.equal((await s.codeRow(got['code'])).redirectUri, null);
      const { response } = await s.ask(alice, web, { redirect_uri: undefined });
      t.same([response.statusCode, response.headers.location], [400, undefined], 'with openid it has to be there');
      const two = await s.client('Two', { ...like, redirectUris: [CALLBACK, 'https://app.example/other'] });
      t.equal((await s.ask(alice, two, { redirect_uri: undefined, scope: 'profile' })).response.statusCode, 400);
    },
  );

  await t.test(
    'RFC 7636 §4.3, §4.4.1, RFC 9700 §2.1.1 (A6): PKCE by S256 alone, always for a public client',
    async (t) => {
      const cases: Record<string, string | undefined>[] = [
        { code_challenge: undefined, code_challenge_method: undefined },
        { code_challenge_method: 'plain' },
        { code_challenge_method: undefined },
        { code_challenge_method: 's256' },
        { code_challenge: undefined },
        { code_challenge: 'x'.repeat(42) },
        { code_challenge: 'x'.repeat(129) },
        { code_challenge: `${'x'.repeat(42)}!` },
      ];
      for (const one of cases)
        for (const program of [web, spa]) t.equal(await error(program, one), 'invalid_request', JSON.stringify(one));
      await s.set(spa, { pkce: 'off' });
      await s.set(web, { pkce: 'off' });
      const none = { code_challenge: undefined, code_challenge_method: undefined };
      t.equal(await error(spa, none), 'invalid_request', 'no switch for a client without a secret');
      const got = await s.answer(alice, web, none);
      t.equal((await s.codeRow(got['code'])).codeChallenge, null, 'switched off for a client with one');
      t.equal(await error(web, { code_challenge_method: 'plain' }), 'invalid_request', 'plain is none');
      await s.set(web, {});
    },
  );

  await t.test(
    'docs/clients.md, RFC 9700 §2.1.1, §4.8.2: if-sent takes PKCE, or openid with a nonce, and lets nobody take PKCE out on the way',
    async (t) => {
      const ifSent = await s.client('If sent', like);
      await s.set(ifSent, { pkce: 'if-sent' });
      const none = { code_challenge: undefined, code_challenge_method: undefined };
      const refused: Record<string, string | undefined>[] = [
        { ...none, nonce: undefined },
        { ...none, nonce: '' },
        { ...none, scope: undefined },
        { ...none, scope: 'profile' },
        { ...none, scope: 'openidx' },
        { code_challenge_method: 'plain' },
        { code_challenge: undefined },
      ];
      for (const one of refused) t.equal(await error(ifSent, one), 'invalid_request', JSON.stringify(one));
      await s.set(spa, { pkce: 'if-sent' });
      t.equal(await error(spa, none), 'invalid_request', 'no switch for a client without a secret');
      await s.set(spa, {});

      const tokens = async (asked: Record<string, string | undefined>, verifier: string) => {
        const { code } = await s.answer(alice, ifSent, asked);
        const answer = await s.redeem(String(code), { code_verifier: verifier }, ifSent);
        return answer.json().error ?? answer.statusCode;
      };
      t.equal(await tokens({ nonce: undefined }, VERIFIER), 200, 'by PKCE');
      t.equal(await tokens(none, ''), 200, 'by a nonce');
      t.equal(await tokens({}, VERIFIER), 200, 'by both');
      t.equal(await tokens(none, VERIFIER), 'invalid_grant', 'a verifier without a challenge');
      t.equal(await tokens({}, ''), 'invalid_grant', 'a challenge without its verifier');
      const pushed = await s.post('par', { response_type: 'code', redirect_uri: CALLBACK, scope: 'openid' }, ifSent);
      t.match(pushed.json(), { error: 'invalid_request' }, 'pushed requests alike');
    },
  );

  await t.test(
    'RFC 6749 §3.1.1, §4.1.2.1, RFC 9700 §2.1.2, OIDC Core §3.1.2.6, §6, §7.2.1 (A7, T8): what is not offered has its own error',
    async (t) => {
      t.equal(await error(web, { response_type: undefined }), 'invalid_request');
      for (const type of ['token', 'id_token', 'code id_token', 'none', 'Code'])
        t.equal(await error(web, { response_type: type }), 'unsupported_response_type', type);
      t.equal(await error(web, { request: 'e30.e30.' }), 'request_not_supported');
      t.equal(await error(web, { request_uri: 'https://app.example/request' }), 'request_uri_not_supported');
      t.equal(await error(web, { registration: '{}' }), 'registration_not_supported');
      for (const mode of ['fragment', 'web_message', 'QUERY'])
        t.equal(await error(web, { response_mode: mode }), 'invalid_request', mode);
      const device = await s.client('Box', like);
      const { Client } = await import('../../src/oauth/index.ts');
      await db.fork().nativeUpdate(Client, { id: device.principal }, { grantTypes: ['client_credentials'] });
      t.equal(await error(device, {}), 'unauthorized_client');
    },
  );

  await t.test('RFC 8707 §2: one API that the client may ask for, or invalid_target', async (t) => {
    t.equal((await s.codeRow((await s.answer(alice, web, { audience: 'polls' }))['code'])).api, s.polls.id);
    t.equal((await s.codeRow((await s.answer(alice, web))['code'])).api, s.polls.id, 'its only one');
    t.equal(await error(web, { audience: 'nobody' }), 'invalid_target');
    t.equal(await error(web, { resource: 'polls' }), 'invalid_target', 'no absolute URI');
    t.match(await s.answer(alice, web, { resource: 'https://x.example/#a' }), {
      error: 'invalid_target',
      state: 's-1',
    });
  });

  await t.test(
    'OAuth 2.0 Form Post Response Mode §2: a form that posts itself, and a button where no script runs',
    async (t) => {
      const { response } = await s.ask(alice, web, { response_mode: 'form_post', state: '"><script>' });
      t.equal(response.statusCode, 200);
      t.match(
        response.body,
        /<form method="post" action="https:&#47;|<form method="post" action="https:\/\/app\.example\/cb">/,
      );
      t.match(response.body, /<input type="hidden" name="code" value="[\w-]{43}">/);
      t.match(response.body, /name="state" value="&#34;&#62;&#60;script&#62;"/, 'escaped');
      t.match(response.body, /<button type="submit">Continue<\/button>/);
      t.match(response.headers['content-security-policy'], /script-src 'sha256-[\w+/=]+'; form-action 'self' https:;/);
      const refused = await s.ask(alice, web, { response_mode: 'form_post', prompt: 'none login' });
      t.match(refused.response.body, /name="error" value="invalid_request"/, 'errors too');
    },
  );

  await t.test('OIDC Core §3.1.2.1, §3.1.2.6 (A8): prompt=none never shows anything', async (t) => {
    const none = { prompt: 'none' };
    t.match(await s.answer(s.openBrowser(), web, none), {
      status: 303,
      error: 'login_required',
      state: 's-1',
      iss: issuer,
    });
    t.match(await s.answer(alice, web, none), { code: /./ });
    t.match(await s.answer(alice, s.third, none), { error: 'consent_required' });
    const app = await s.client('App', {
      preset: 'native',
      redirectUris: ['http://127.0.0.1/cb'],
      requests: [s.polls],
    });
    t.match(
      await s.answer(alice, app, { ...none, redirect_uri: 'http://127.0.0.1:5000/cb' }),
      { error: 'interaction_required' },
      'RFC 8252 §8.6: the user of an app that another app could replace is asked each time',
    );
    for (const prompt of ['none login', 'login none', 'none consent', 'create', 'LOGIN'])
      t.equal(await error(web, { prompt }), 'invalid_request', prompt);
    const [, query = ''] = s.urlFor(web, none).split('?');
    const stranger = s.openBrowser();
    const posted = await stranger.follow(await stranger.send('POST', '/oauth2/authorize', query));
    t.match(responseParameters(posted), { error: 'login_required' }, 'by POST too');
  });

  await t.test(
    'OIDC Core §3.1.2.1 (A8): prompt=login and select_account authenticate again; cancelling changes nothing',
    async (t) => {
      for (const prompt of ['login', 'select_account', 'consent login']) {
        const browser = await s.signedInBrowser();
        const before = browser.cookies.get('signet_session');
        clock.pass(5);
        const login = await s.ask(browser, web, { prompt });
        t.match(login.url, /\/login\?next=\/interaction\//, prompt);
        t.match(login.response.body, /signed in as <strong>alice<\/strong>/);
        t.equal(browser.cookies.get('signet_session'), before, 'attacks 53: looking at it changes nothing');
        const page = await browser.submit(login, { username: 'alice', password: 'a long enough phrase' });
        t.not(browser.cookies.get('signet_session'), before, 'a new session');
        const end = prompt === 'consent login' ? await browser.submit(page, { decision: 'allow' }) : page;
        const row = await s.codeRow(responseParameters(end)['code']);
        t.equal(row.authTime.getTime(), clock.now().getTime(), 'a new auth_time');
      }
      const browser = await s.signedInBrowser();
      const before = browser.cookies.get('signet_session');
      const login = await s.ask(browser, web, { prompt: 'login' });
      const secret = /interaction\/([\w-]{43})/.exec(login.url)?.[1];
      const cancelled = await browser.send('POST', `/interaction/${secret}`, { decision: 'deny' });
      t.match(responseParameters(cancelled), { error: 'access_denied', state: 's-1' });
      t.equal(browser.cookies.get('signet_session'), before, 'attacks 53: the session stays');
      t.match(await s.answer(browser, web), { code: /./ }, 'and is good');
    },
  );

  await t.test(
    'OIDC Core §3.1.2.1, OIDC Registration §2 (A8): max_age, default_max_age, and 0 as prompt=login',
    async (t) => {
      const browser = await s.signedInBrowser();
      clock.pass(10);
      t.match(await s.answer(browser, web, { max_age: '10' }), { code: /./ }, 'just so');
      clock.pass(1);
      t.match(await s.answer(browser, web, { max_age: '10', prompt: 'none' }), { error: 'login_required' });
      const login = await s.ask(browser, web, { max_age: '10' });
      t.match(login.url, /\/login\?/);
      clock.pass(60);
      const end = await browser.submit(login, { username: 'alice', password: 'a long enough phrase' });
      t.match(responseParameters(end), { code: /./ });
      t.match((await s.ask(browser, web, { max_age: '0' })).url, /\/login\?/);
      for (const age of ['-1', '1.5', 'x', '1e3', '99999999999'])
        t.equal(await error(web, { max_age: age }), 'invalid_request', age);
      await s.set(web, { defaultMaxAge: 30 });
      clock.pass(31);
      t.match((await s.ask(browser, web)).url, /\/login\?/, 'the client says so once for all');
      t.match(await s.answer(browser, web, { max_age: '3600' }), { code: /./ }, 'and otherwise in a request');
      await s.set(web, {});
    },
  );

  await t.test(
    'OIDC Core §3.1.2.1 (A9): id_token_hint of another user, of nobody, and of an expired token',
    async (t) => {
      const hint = (sub: string, more: { aud?: string; at?: Date; iss?: string } = {}) =>
        signIdToken(
          s.keys,
          {
            issuer: more.iss ?? issuer,
            alg: 'RS256',
            clientId: more.aud ?? web.id,
            sub,
            sid: null,
            authTime: null,
            amr: [],
            acr: null,
            nonce: null,
            accessToken: null,
            claims: {},
          },
          more.at ?? clock.now(),
        );
      t.match(await s.answer(alice, web, { id_token_hint: hint(s.alice.id), prompt: 'none' }), { code: /./ });
      const old = hint(s.alice.id, { at: new Date('2020-01-01T00:00:00Z') });
      t.match(await s.answer(alice, web, { id_token_hint: old }), { code: /./ }, 'expired is good');
      t.equal(await error(web, { id_token_hint: hint(bob.id) }), 'login_required');
      t.equal(await error(web, { id_token_hint: hint(bob.id), prompt: 'none' }), 'login_required');
      t.equal(
        await error(web, { id_token_hint: hint(s.alice.id, { aud: spa.id }) }),
        'invalid_request',
        'of another client',
      );
      t.equal(
        await error(web, { id_token_hint: hint(s.alice.id, { iss: 'https://evil.example' }) }),
        'invalid_request',
      );
      t.equal(await error(web, { id_token_hint: 'x.y.z' }), 'invalid_request');
      const [head, body, signature = ''] = hint(s.alice.id).split('.');
      t.equal(
        await error(web, {
          id_token_hint: `${head}.${body}.${signature.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'))}`,
        }),
        'invalid_request',
      );
      const browser = s.openBrowser();
      const login = await s.ask(browser, web, { id_token_hint: hint(bob.id) });
      const wrong = await browser.submit(login, { username: 'alice', password: 'a long enough phrase' });
      t.match(responseParameters(wrong), { error: 'login_required' }, 'who logs in has to be the one who is meant');
      const gone = Buffer.from(JSON.stringify({ alg: 'RS256', typ: 'JWT', kid: 'long-gone' })).toString('base64url');
      const unknown = `${gone}.${body}.${signature}`;
      t.equal(await error(web, { id_token_hint: unknown, prompt: 'none' }), 'login_required', 'of a key that is gone');
      t.match(await s.answer(alice, web, { id_token_hint: unknown }), { code: /./ });
    },
  );

  await t.test('OIDC Core §5.5, §5.5.1.1 (A9): claims, and an acr that cannot be reached', async (t) => {
    const claims = (value: unknown) => ({ claims: typeof value === 'string' ? value : JSON.stringify(value) });
    const got = await s.answer(
      alice,
      web,
      claims({ id_token: { email: null, auth_time: { essential: true } }, userinfo: { name: null }, other: {} }),
    );
    t.same((await s.codeRow(got['code'])).claims, { idToken: ['email', 'auth_time'], userinfo: ['name'] });
    for (const bad of ['{', '[]', '"x"', 'null', '{"id_token":[]}', '{"id_token":{"email":true}}', '{"userinfo":"x"}'])
      t.equal(await error(web, claims(bad)), 'invalid_request', bad);
    const acr = (more: object) => claims({ id_token: { acr: more } });
    t.equal(
      await error(web, acr({ essential: true, values: ['urn:mace:incommon:iap:silver'] })),
      'unmet_authentication_requirements',
    );
    t.equal(await error(web, acr({ essential: true, value: 'phr' })), 'unmet_authentication_requirements');
    t.match(await s.answer(alice, web, acr({ values: ['phr'] })), { code: /./ }, 'only wished for');
    t.match(await s.answer(alice, web, acr({ essential: true, values: ['phr', 'urn:signet:acr:1fa'] })), { code: /./ });
    t.match(await s.answer(alice, web, { acr_values: 'phr phrh' }), { code: /./ });
    t.match(await s.answer(alice, web, claims({ id_token: { sub: { value: s.alice.id } } })), { code: /./ });
    t.equal(await error(web, claims({ id_token: { sub: { value: bob.id } } })), 'login_required');
    t.match(await s.answer(alice, web, { ui_locales: 'de fr', display: 'popup' }), { code: /./ });
  });

  await t.test('RFC 9449 §10: dpop_jkt goes with the code; what is no thumbprint is refused', async (t) => {
    const jkt = 'x'.repeat(43);
    t.equal((await s.codeRow((await s.answer(alice, web, { dpop_jkt: jkt }))['code'])).dpopJkt, jkt);
    t.equal(await error(web, { dpop_jkt: 'short' }), 'invalid_request');
  });

  await t.test('RFC 9700 §2.6, §4.16 (A4, A5): no CORS, no frames, nothing kept, no referrer', async (t) => {
    const foreign = { origin: 'https://app.example' };
    const { response } = await alice.send('GET', s.urlFor(web), undefined, foreign);
    for (const name of ['access-control-allow-origin', 'access-control-allow-credentials'])
      t.equal(response.headers[name], undefined, name);
    t.match(response.headers, { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
    const preflight = await s.app.inject({
      method: 'OPTIONS',
      url: '/oauth2/authorize',
      headers: { ...foreign, 'access-control-request-method': 'GET' },
    });
    t.same([preflight.statusCode, preflight.headers['access-control-allow-origin']], [405, undefined]);
    const page = (await s.openBrowser().open(s.urlFor(web))).response;
    t.match(page.headers, { 'x-frame-options': 'DENY', 'content-security-policy': /frame-ancestors 'none'/ });
    t.notMatch(page.body, /<script|src=|href="http/, 'nothing of anybody else');
  });

  await t.test(
    'attacks 49, 99: what cannot be read is a page; what is too long goes back, unless it is the state',
    async (t) => {
      for (const bad of ['client_id=%00', 'client_id=%ff', 'client_id=%zz', 'client_id=%ud800'])
        t.equal((await alice.get(`/oauth2/authorize?${bad}`)).response.statusCode, 400, bad);
      const [, query = ''] = s.urlFor(web, { state: 'x'.repeat(9000) }).split('?');
      const long = await alice.send('POST', '/oauth2/authorize', query);
      t.same(
        [long.response.statusCode, long.response.headers.location],
        [400, undefined],
        'RFC 6749 §10.12: never without it',
      );
      t.match(long.response.body, /The parameter state is too long/);
      const json = await alice.send('POST', '/oauth2/authorize', '{}', { 'content-type': 'application/json' });
      t.same([json.response.statusCode, json.response.headers['content-type']], [415, 'text/html; charset=utf-8']);
      t.match(await s.answer(alice, web, { nonce: 'n'.repeat(1025) }), { error: 'invalid_request' });
    },
  );
});
