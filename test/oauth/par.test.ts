import { StoredRequest } from '../../src/oauth/authorization-entities.ts';
import { responseParameters } from '../support/browser.ts';
import { clientKey, proofBy } from '../support/client-keys.ts';
import { onEachEngine } from '../support/database.ts';
import { CALLBACK, CHALLENGE } from '../support/flows.ts';
import t from '../support/tap.ts';
import { openPolls } from '../support/world.ts';

await onEachEngine(t, async (t, db) => {
  const s = await openPolls(db);
  const { web, third, spa, clock } = s;
  const alice = await s.signedInBrowser();
  const asked = {
    response_type: 'code',
    redirect_uri: CALLBACK,
    scope: 'openid',
    state: 'pushed',
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
  };
  const push = (fields: Record<string, string> = {}, by = web, headers: Record<string, string> = {}) =>
    s.post('par', { ...asked, ...fields }, by, headers);
  const pushRequest = async (fields: Record<string, string> = {}, by = web): Promise<string> =>
    (await push(fields, by)).json().request_uri;
  const go = (uri: string, by = web, more = '') =>
    `/oauth2/authorize?${new URLSearchParams({ client_id: by.id, request_uri: uri })}${more}`;

  await t.test('RFC 9126 §2.2 (P1): 201, a URN of 256 random bits, 90 seconds; only its digest is kept', async (t) => {
    const response = await push();
    t.equal(response.statusCode, 201);
    t.match(response.headers, { 'cache-control': 'no-store', 'content-type': /^application\/json/ });
    const { request_uri: uri, expires_in: seconds } = response.json();
    t.match(uri, /^urn:ietf:params:oauth:request_uri:[\w-]{43}$/);
    t.equal(seconds, 90);
    const rows = await db.fork().findAll(StoredRequest);
    t.notOk(JSON.stringify(rows).includes(uri.slice(-43)));
    t.match(rows[0], { kind: 'pushed', client: web.principal, parameters: { ...asked, client_id: web.id } });
  });

  await t.test(
    'RFC 9126 §2.1 (P1): POST alone; the client authenticates; no request_uri inside; what would be refused later is',
    async (t) => {
      const get = await s.app.inject('/oauth2/par');
      t.same([get.statusCode, get.headers.allow], [405, 'OPTIONS, POST']);
      const wrong = await push({}, { ...web, secret: 'wrong' });
      t.same([wrong.statusCode, wrong.json().error], [401, 'invalid_client']);
      t.equal((await push({}, spa)).statusCode, 201, 'a public client names itself');
      const cases: Record<string, Record<string, string>> = {
        invalid_request: { request_uri: 'urn:ietf:params:oauth:request_uri:x' },
        unsupported_response_type: { response_type: 'token' },
        invalid_target: { audience: 'nobody' },
        request_not_supported: { request: 'e30.e30.' },
        unmet_authentication_requirements: {
          claims: '{"id_token":{"acr":{"essential":true,"values":["phr"]}}}',
        },
      };
      for (const [error, fields] of Object.entries(cases)) {
        const response = await push(fields);
        t.same([response.statusCode, response.json().error], [400, error], error);
      }
      const redirect = await push({ redirect_uri: 'https://evil.example/cb' });
      t.same([redirect.statusCode, redirect.json().error], [400, 'invalid_request'], 'an address that is not its own');
      t.equal((await push({ code_challenge_method: 'plain' })).json().error, 'invalid_request');
      t.equal((await push({ state: 'x'.repeat(70_000) })).statusCode, 413);
      const twice = await s.http.form('/oauth2/par', `client_id=${spa.id}&scope=a&scope=b`);
      t.same([twice.statusCode, twice.json().error], [400, 'invalid_request']);
    },
  );

  await t.test('RFC 9126 §4 (P2): only what was pushed counts, and it is good once', async (t) => {
    const uri = await pushRequest();
    const got = responseParameters(
      await alice.open(go(uri, web, '&state=other&scope=groups&prompt=none&redirect_uri=https://evil.example')),
    );
    t.match(got, { status: 303, state: 'pushed', code: /./ });
    t.equal((await s.codeRow(got['code'])).scope, 'openid');
    const again = await alice.open(go(uri));
    t.same([again.response.statusCode, again.response.headers.location], [400, undefined]);
    t.match(again.response.body, /invalid_request_uri/);
  });

  await t.test('RFC 9126 §2.2 (P2): another client, an unknown one and an expired one are one answer', async (t) => {
    const uri = await pushRequest();
    for (const url of [go(uri, third), go(`${uri.slice(0, -1)}_`), go('urn:ietf:params:oauth:request_uri:')]) {
      const { response } = await alice.open(url);
      t.same([response.statusCode, response.headers.location], [400, undefined]);
      t.match(response.body, /The request_uri was used, has expired, or belongs to another client/);
    }
    t.match(responseParameters(await alice.open(go(uri))), { code: /./ }, 'its own client still can');
    const late = await pushRequest();
    clock.pass(91);
    t.equal((await alice.open(go(late))).response.statusCode, 400);
  });

  await t.test(
    'RFC 9126 §7.3 (P2): a reload before it is completed works; of two ways to the end one is',
    async (t) => {
      const uri = await pushRequest();
      const browser = s.openBrowser();
      const first = await browser.open(go(uri));
      const second = await browser.open(go(uri));
      t.match([first.url, second.url], [/\/login/, /\/login/]);
      clock.pass(120);
      const done = await browser.submit(second, { username: 'alice', password: 'a long enough phrase' });
      t.match(responseParameters(done), { code: /./, state: 'pushed' }, 'longer than its 90 seconds');
      const codes = await s.codes();
      const other = await browser.submit(first, { username: 'alice', password: 'a long enough phrase' });
      t.equal(other.response.statusCode, 410);
      t.equal(await s.codes(), codes);
      t.equal((await browser.open(go(uri))).response.statusCode, 400);
    },
  );

  await t.test('RFC 9126 §2.2 (P2): of 50 that come at once with one request, one gets a code', async (t) => {
    const rounds = db.engine === 'postgresql' ? 200 : 5;
    const codes = await s.codes();
    const winners: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const uri = await pushRequest();
      const all = await Promise.all(Array.from({ length: 50 }, () => alice.open(go(uri))));
      winners.push(all.filter((one) => 'code' in responseParameters(one)).length);
    }
    t.same(winners, Array(rounds).fill(1));
    t.equal(await s.codes(), codes + rounds);
  });

  await t.test('RFC 9126 §6 (P2): a client that has to push is answered by nothing else', async (t) => {
    await s.set(web, { requirePushed: true });
    t.match(await s.answer(alice, web), { error: 'invalid_request', state: 's-1' });
    t.match(responseParameters(await alice.open(go(await pushRequest()))), { code: /./ });
    await s.set(web, {});
  });

  await t.test('RFC 9449 §10.1: a proof in the request names the key that the code is bound to', async (t) => {
    const key = await clientKey();
    const url = `${s.issuer}/oauth2/par`;
    const proof = (claims: object = {}) => proofBy(key, { method: 'POST', url, now: clock.now(), claims });
    const response = await push({}, web, { dpop: await proof() });
    t.match(response.headers['dpop-nonce'], /^[\w-]+$/, 'RFC 9449 §8.2: what the next proof may hold');
    t.equal(response.statusCode, 201);
    const got = responseParameters(await alice.open(go(response.json().request_uri)));
    t.equal((await s.codeRow(got['code'])).dpopJkt, key.jkt);
    t.equal((await push({ dpop_jkt: key.jkt }, web, { dpop: await proof() })).statusCode, 201, 'both, and the same');
    const other = await push({ dpop_jkt: 'x'.repeat(43) }, web, { dpop: await proof() });
    t.same([other.statusCode, other.json().error], [400, 'invalid_dpop_proof']);
    const elsewhere = await push({}, web, { dpop: await proof({ htu: `${s.issuer}/oauth2/token` }) });
    t.same([elsewhere.statusCode, elsewhere.json().error], [400, 'invalid_dpop_proof']);
  });

  await t.test(
    'attacks 51: nothing of what was pushed travels: cookies and addresses hold opaque names only',
    async (t) => {
      const uri = await pushRequest({ login_hint: 'secret-hint', scope: 'openid profile' });
      const browser = s.openBrowser();
      const login = await browser.open(go(uri));
      t.match(login.response.body, /value="secret-hint"/, 'the page says it');
      for (const [name, value] of browser.cookies) t.match(value, /^[\w-]{43}$/, name);
      t.match(login.url, /^http:\/\/localhost:4000\/login\?next=\/interaction\/[\w-]{43}$/);
    },
  );
});
