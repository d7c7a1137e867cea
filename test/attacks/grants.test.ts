import { createHash, createHmac } from 'node:crypto';
import { pino } from 'pino';
import { StoredRequest } from '../../src/oauth/authorization-entities.ts';
import { grantNames } from '../../src/oauth/client-settings/index.ts';
import { Client, getClient, updateClient } from '../../src/oauth/index.ts';
import { removeMembers } from '../../src/permissions/index.ts';
import { logOptions } from '../../src/platform/telemetry/index.ts';
import { openCliHarness } from '../cli/harness.ts';
import { hiddenFields, newBrowser, responseParameters } from '../support/browser.ts';
import { onEachEngine, openTestEmbedded } from '../support/database.ts';
import { CALLBACK, CHALLENGE, jwtClaims, VERIFIER } from '../support/flows.ts';
import { basic, bearer, type Headers, PASSWORD } from '../support/http.ts';
import { audit } from '../support/server.ts';
import t from '../support/tap.ts';
import { openPolls, openWorld } from '../support/world.ts';

// What clients and their users are given on the way to a token, in the hands of others.

const pushed = {
  response_type: 'code',
  redirect_uri: CALLBACK,
  scope: 'openid',
  code_challenge: CHALLENGE,
  code_challenge_method: 'S256',
};

/** Every text that is this one with a character changed, cut, or longer. */
function* mutations(text: string, step = 4): Generator<string> {
  for (let at = 0; at < text.length; at += step) {
    yield text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
    yield text.slice(0, at);
  }
  yield* [`${text}A`, `A${text}`, `${text}=`, `${text}.`, text.toUpperCase(), text.toLowerCase()];
}

await onEachEngine(t, async (t, db) => {
  const s = await openPolls(db);
  const { web, third, clock, post, redeem, introspect, app } = s;
  const alice = await s.signedInBrowser();
  const device = await s.client('Box', { preset: 'device', requests: [s.polls] });
  const refresh = (token: string, by = web) => post('token', { grant_type: 'refresh_token', refresh_token: token }, by);

  await t.test('attacks 73: what stands for a request, a page or a device is good to the letter alone', async (t) => {
    const uri: string = (await post('par', pushed)).json().request_uri;
    const go = (one: string) => `/oauth2/authorize?${new URLSearchParams({ client_id: web.id, request_uri: one })}`;
    for (const other of mutations(uri))
      if (other !== uri) t.notOk('code' in responseParameters(await alice.open(go(other))), other);
    t.match(responseParameters(await alice.open(go(uri))), { code: /./ }, 'the true one is still good');

    const page = await s.ask(alice, third);
    const secret = page.url.split('/').at(-1) as string;
    for (const other of mutations(secret)) {
      if (other === secret) continue;
      const { response } = await alice.get(`/interaction/${encodeURIComponent(other)}`);
      t.ok([400, 404, 410].includes(response.statusCode), `interaction ${other}`);
    }
    const { shown = '' } = hiddenFields(page.response.body);
    for (const other of mutations(shown)) {
      if (other === shown) continue;
      const said = await alice.send('POST', `/interaction/${secret}`, { decision: 'allow', shown: other });
      t.notOk('code' in responseParameters(said), `shown ${other}`);
    }
    t.match(responseParameters(await alice.submit(page, { decision: 'allow' })), { code: /./ });

    const begun = (await post('device_authorization', {}, device)).json();
    const asked = await alice.send('POST', '/oauth2/device', { user_code: begun.user_code });
    const { confirmation = '', user_code = '' } = hiddenFields(asked.response.body);
    for (const other of mutations(confirmation, 8))
      if (other !== confirmation)
        await alice.send('POST', '/oauth2/device', { user_code, decision: 'allow', confirmation: other });
    const poll = (code: string) => post('token', { grant_type: grantNames.device, device_code: code }, device);
    t.equal((await poll(begun.device_code)).json().error, 'authorization_pending', 'nobody has allowed it');
    await alice.submit(asked, { decision: 'allow' });
    for (const other of mutations(begun.device_code))
      if (other !== '' && other !== begun.device_code)
        t.equal((await poll(other)).json().error, 'invalid_grant', `device code ${other}`);
    clock.pass(6);
    t.equal((await poll(begun.device_code)).statusCode, 200);
  });

  await t.test('attacks 69: what one client was given is nothing in the hands of another', async (t) => {
    const { refresh_token, access_token } = (await redeem(await s.code())).json();
    const stolen = await refresh(refresh_token, third);
    t.same([stolen.statusCode, stolen.json().error], [400, 'invalid_grant']);
    t.equal((await post('revoke', { token: refresh_token }, third)).statusCode, 200);
    t.equal((await introspect(access_token)).active, true, 'revoked by nobody');
    t.equal((await refresh(refresh_token)).statusCode, 200, 'and it is no reason to end what its own client has');
    const code = await s.code();
    for (const by of [third, s.spa]) t.equal((await redeem(code, {}, by)).json().error, 'invalid_grant');
    t.equal((await redeem(code)).json().error, 'invalid_grant', 'a code that was brought by another is burnt');
    const named = await post('token', {
      grant_type: 'authorization_code',
      code: await s.code(),
      redirect_uri: CALLBACK,
      code_verifier: VERIFIER,
      client_id: third.id,
    });
    t.equal(named.json().error, 'invalid_request', 'nor does one client speak for another');
  });

  await t.test(
    'attacks 81: who leaves a group has nothing of it any more, by refresh or by signing in again',
    async (t) => {
      const group = await s.group('Deleters', s.alice);
      await s.assign(group, s.polls, 'polls.delete_choice');
      const browser = await s.signedInBrowser();
      const scope = 'openid groups';
      const given = String((await s.answer(browser, web, { scope }))['code']);
      const first = (await redeem(given)).json();
      t.ok(jwtClaims(first.access_token).permissions.includes('polls.delete_choice'));
      t.same(jwtClaims(first.id_token).groups, ['Deleters', 'Editors']);
      await removeMembers(db.fork(), audit(), group, [{ id: s.alice.id, label: 'alice' }]);
      const later = (await refresh(first.refresh_token)).json();
      const again = (await redeem(String((await s.answer(browser, web, { scope }))['code']))).json();
      for (const one of [later, again]) {
        t.notOk(jwtClaims(one.access_token).permissions.includes('polls.delete_choice'));
        t.same(jwtClaims(one.id_token).groups, ['Editors']);
        t.same((await s.about(one.access_token)).json().groups, ['Editors']);
      }
      const old = await introspect(first.access_token);
      t.notOk(old.permissions?.includes('polls.delete_choice'), 'nor by the token of before');
    },
  );

  await t.test('attacks 3: a server that starts anew remembers what was used, ended and revoked', async (t) => {
    const one = (await redeem(await s.code())).json();
    const two = (await redeem(await s.code())).json();
    const used = await s.code();
    const three = (await redeem(used)).json();
    const next = (await refresh(one.refresh_token)).json();
    await post('revoke', { token: two.refresh_token });
    const uri: string = (await post('par', pushed)).json().request_uri;
    const go = `/oauth2/authorize?${new URLSearchParams({ client_id: web.id, request_uri: uri })}`;
    t.match(responseParameters(await alice.open(go)), { code: /./ });
    clock.pass(11);
    const fresh = await openWorld(db, { clock });
    const ask = async (fields: Record<string, string>) => (await fresh.http.oauth('token', fields, web)).json();
    const again = (token: string) => ask({ grant_type: 'refresh_token', refresh_token: token });
    t.equal((await again(one.refresh_token)).error, 'invalid_grant', 'used before the start: reuse');
    t.equal((await again(next.refresh_token)).error, 'invalid_grant', 'which ends its family');
    t.equal((await again(two.refresh_token)).error, 'invalid_grant', 'revoked before the start');
    const code = { grant_type: 'authorization_code', code: used, redirect_uri: CALLBACK, code_verifier: VERIFIER };
    t.equal((await ask(code)).error, 'invalid_grant', 'a code that was used');
    t.equal((await again(three.refresh_token)).error, 'invalid_grant', 'and what it gave has ended');
    const browser = newBrowser(fresh.app);
    for (const [name, value] of alice.cookies) browser.cookies.set(name, value);
    t.equal((await browser.open(go)).response.statusCode, 400, 'a pushed request that was used');
    await fresh.app.close();
  });

  await t.test('attacks 75: no ID token by a shared key is asked for, made, or believed', async (t) => {
    const cliHarness = await openCliHarness(db);
    for (const alg of ['HS256', 'HS512', 'none', 'hs256', 'RS1', ''])
      for (const words of [
        `client create ${alg}x --preset web --redirect-uri ${CALLBACK} --id-token-alg '${alg}'`,
        `client create ${alg}y --preset web --redirect-uri ${CALLBACK} --userinfo-alg '${alg}x'`,
        `client update ${web.id} --id-token-alg '${alg}'`,
        `api create api${alg} --alg '${alg}'`,
      ])
        t.match(await cliHarness.run(words), { exit: 2 }, words);
    const client = await getClient(db.fork(), web.id);
    // As if it had come into the database past every check.
    const settings = { idTokenAlg: 'HS256' } as never;
    await db.fork().nativeUpdate(Client, { id: client.id }, { settings });
    await updateClient(db.fork(), audit(), client, { isActive: false });
    await updateClient(db.fork(), audit(), client, { isActive: true });
    const session = (await s.signIn()).session.id;
    const answer = await redeem(await s.code(web, { session }));
    t.ok(answer.statusCode >= 500, 'it cannot be signed');
    t.notOk('id_token' in answer.json());
    await db.fork().nativeUpdate(Client, { id: client.id }, { settings: {} });
    await updateClient(db.fork(), audit(), client, { isActive: false });
    await updateClient(db.fork(), audit(), client, { isActive: true });

    const { id_token: good } = (await redeem(await s.code(web, { session }))).json();
    const [head, body] = good.split('.') as [string, string];
    const { kid } = JSON.parse(Buffer.from(head, 'base64url').toString());
    const secret = web.secret as string;
    const hashed = createHash('sha256').update(secret).digest();
    for (const key of [secret, hashed, hashed.toString('hex'), hashed.toString('base64'), '', web.id, kid])
      for (const said of [
        { alg: 'HS256', typ: 'JWT', kid },
        { alg: 'HS256', typ: 'JWT' },
      ]) {
        const text = `${Buffer.from(JSON.stringify(said)).toString('base64url')}.${body}`;
        const forged = `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
        const { error } = await s.answer(alice, web, { id_token_hint: forged, prompt: 'none' });
        t.match(error, /^(invalid_request|login_required)$/);
        const out = await alice.get(`/oauth2/logout?id_token_hint=${forged}`);
        t.match(out.response.body, /name="decision" value="logout"/, 'the user is asked');
      }
    t.match((await alice.get('/')).response.body, /signed in as/);
  });

  await t.test(
    'attacks 51 (T6): the verifier is left out by nobody, whichever way the code was asked for',
    async (t) => {
      for (const by of [web, third, s.spa]) {
        const answer = await redeem(await s.code(by, { permissions: [] }), { code_verifier: '' }, by);
        t.same([answer.statusCode, answer.json().error], [400, 'invalid_grant']);
      }
      const uri: string = (await post('par', pushed)).json().request_uri;
      const go = `/oauth2/authorize?${new URLSearchParams({ client_id: web.id, request_uri: uri, code_challenge: '' })}`;
      const { code } = responseParameters(await alice.open(go));
      t.equal(
        (await redeem(String(code), { code_verifier: '' })).json().error,
        'invalid_grant',
        'nor past what was pushed',
      );
      t.equal(await db.fork().count(StoredRequest, { client: web.principal, kind: 'pushed', consumedAt: null }), 0);
    },
  );
  await app.close();
});

t.test('A4, attacks 73: nothing that is good for something is in the log, however much is logged', async (t) => {
  const db = await openTestEmbedded();
  t.teardown(() => db.close());
  const s = await openPolls(db);
  const lines: string[] = [];
  const log = pino(logOptions('trace'), { write: (line: string) => void lines.push(line) });
  const { app, http } = await openWorld(db, { clock: s.clock, log, environment: { SIGNET_REGISTRATION: 'token' } });
  const browser = newBrowser(app);
  const secrets: Record<string, string> = { password: PASSWORD, client_secret: s.web.secret as string };
  const post = (endpoint: string, fields: Record<string, string>, headers: Headers = basic(s.web)) =>
    http.form(`/oauth2/${endpoint}`, fields, headers);
  /** Once as it should be, and once wrong, so that refusals are written too. */
  const login = await browser.open(s.urlFor(s.third));
  secrets['interaction'] = /interaction\/([\w-]{43})/.exec(login.url)?.[1] as string;
  await browser.submit(login, { username: 'alice', password: `${PASSWORD} but another` });
  const consent = await browser.submit(login, { username: 'alice', password: PASSWORD });
  for (const [name, value] of browser.cookies) secrets[name] = value;
  secrets['shown'] = hiddenFields(consent.response.body)['shown'] as string;
  const denied = await browser.submit(await browser.open(s.urlFor(s.third)), { decision: 'deny' });
  t.match(responseParameters(denied), { error: 'access_denied' });
  const done = responseParameters(await browser.open(s.urlFor(s.web)));
  const code = { grant_type: 'authorization_code', code: String(done['code']), redirect_uri: CALLBACK };
  secrets['code'] = code.code;
  secrets['code_verifier'] = VERIFIER;
  const first = (await post('token', { ...code, code_verifier: VERIFIER })).json();
  for (const name of ['access_token', 'refresh_token', 'id_token']) secrets[name] = first[name];
  await http.get('/oauth2/userinfo', bearer(first.access_token));
  await app.inject({ url: `/oauth2/userinfo?access_token=${first.access_token}` });
  await post('introspect', { token: first.access_token });
  const next = (await post('token', { grant_type: 'refresh_token', refresh_token: first.refresh_token })).json();
  secrets['next'] = next.refresh_token;
  await post('token', { grant_type: 'refresh_token', refresh_token: first.refresh_token, scope: 'wider' });
  await post('token', { ...code, code_verifier: VERIFIER });
  await post('token', code, { authorization: `${basic(s.web).authorization}x` });
  await post('token', { ...code, client_id: s.web.id, client_secret: secrets['client_secret'] as string }, {});
  await post('token', { ...code, client_secret: secrets['client_secret'] as string });
  await post('revoke', { token: next.refresh_token });
  secrets['request_uri'] = (await post('par', pushed)).json().request_uri;
  await browser.open(`/oauth2/authorize?client_id=${s.web.id}&request_uri=${secrets['request_uri']}x`);
  await browser.open(`/oauth2/authorize?client_id=${s.web.id}&request_uri=${secrets['request_uri']}`);
  await browser.get(`/oauth2/logout?id_token_hint=${first.id_token}`);
  await browser.get(`/interaction/${secrets['interaction']}%ff`);
  await browser.get(`/interaction/${secrets['interaction']}${'x'.repeat(300)}`);
  await app.inject({ method: 'PUT', url: `/interaction/${secrets['interaction']}` });
  await app.inject({ url: `/nothing/${secrets['code']}?code=${secrets['code']}` });
  await http.json('/api/v1/login', { username: 'alice', password: PASSWORD, x: 1 });
  t.ok(lines.length > 10, `${lines.length} lines`);
  const written = lines.join('');
  for (const [name, value] of Object.entries(secrets)) {
    t.ok(value.length > 19, `${name}: the scene`);
    t.notOk(written.includes(value), name);
  }
  await app.close();
});
