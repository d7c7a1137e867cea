import { verify } from 'node:crypto';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { grantNames } from '../../src/oauth/client-settings/index.ts';
import { getClient, updateClient } from '../../src/oauth/index.ts';
import { ensureCurrentKey } from '../../src/tokens/index.ts';
import { responseParameters } from '../support/browser.ts';
import {
  assertionParameters,
  clientKey,
  makeAssertion,
  proofBy,
  registerKeys,
  signWith,
} from '../support/client-keys.ts';
import { openTestEmbedded } from '../support/database.ts';
import { CALLBACK, CHALLENGE, jwtClaims, jwtHeader, VERIFIER } from '../support/flows.ts';
import { basic } from '../support/http.ts';
import { audit, ISSUER, masterKey } from '../support/server.ts';
import t from '../support/tap.ts';
import { openPolls, type TestClient } from '../support/world.ts';

// What the metadata says, tried out; and rows that are of no endpoint alone.

const db = await openTestEmbedded();
t.teardown(() => db.close());
const s = await openPolls(db);
const { app, web, spa, clock, post, code, redeem, about, introspect } = s;
const alice = await s.signedInBrowser();
const document = (await app.inject('/.well-known/openid-configuration')).json();
const jwks = async () => createLocalJWKSet((await app.inject('/.well-known/jwks.json')).json());
const urlPath = (url: string) => new URL(url).pathname;

/** A service that asks for its own API, exchanges tokens for it and serves the one of the scene. */
const ledger = await s.api('ledger');
const backend = await s.client('Backend', {
  isFirstParty: true,
  grantTypes: ['client_credentials', grantNames['token-exchange']],
  requests: [ledger],
  serves: [s.polls],
});
const box = await s.client('Box', { preset: 'device', requests: [s.polls] });

const tokens = async (more: Parameters<typeof code>[1] = {}) => (await redeem(await code(web, more))).json();

async function byDevice() {
  const authorization = (await post('device_authorization', {}, box)).json();
  const page = await alice.send('POST', authorization.verification_uri, { user_code: authorization.user_code });
  await alice.submit(page, { decision: 'allow' });
  return post('token', { grant_type: grantNames.device, device_code: authorization.device_code }, box);
}

t.test(
  'M1, M3, M4, RFC 8628 §4, RFC 9126 §5, RFC 9207 §3, RFC 8414 §2: what works is named, by its address',
  async (t) => {
    t.equal(document.issuer, ISSUER);
    t.equal(jwtClaims((await tokens()).access_token).iss, ISSUER);
    t.equal((await s.answer(alice, web))['iss'], ISSUER);
    t.match(document, {
      authorization_response_iss_parameter_supported: true,
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
      claims_parameter_supported: true,
      code_challenge_methods_supported: ['S256'],
      subject_types_supported: ['public'],
      // Those that were pushed are taken all the same.
      request_uri_parameter_supported: false,
    });
    t.ok(document.scopes_supported.includes('openid'));
    t.ok(document.id_token_signing_alg_values_supported.includes('RS256'));
    for (const [name, values] of Object.entries<unknown>(document)) {
      if (!Array.isArray(values)) continue;
      t.ok(values.length > 0 && new Set(values).size === values.length, name);
      if (name.includes('_alg_'))
        t.notOk(
          values.some((one: string) => /^none$|^HS/i.test(one)),
          name,
        );
    }
    const methods = { authorization: 'GET', userinfo: 'GET', end_session: 'GET', status_list_aggregation: 'GET' };
    const endpoints = Object.keys(document).filter((name) => name.endsWith('_endpoint'));
    t.same(endpoints.map((name) => name.replace('_endpoint', '')).sort(), [
      ...['authorization', 'device_authorization', 'end_session', 'introspection', 'pushed_authorization_request'],
      ...['revocation', 'status_list_aggregation', 'token', 'userinfo'],
    ]);
    for (const name of endpoints) {
      const method = (methods as Record<string, 'GET'>)[name.replace('_endpoint', '')] ?? 'POST';
      const answer = await app.inject({ method, url: urlPath(document[name]) });
      t.notOk([404, 405, 500, 501].includes(answer.statusCode), `${name}: ${answer.statusCode}`);
    }
  },
);

t.test('M5, RFC 8414 §2: each grant that is named gives a token, every other one is unsupported', async (t) => {
  const { access_token: held, refresh_token: refresh } = await tokens();
  const exchangeForm = {
    grant_type: grantNames['token-exchange'],
    audience: 'ledger',
    subject_token: held,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  };
  const ways: Record<string, () => Promise<{ statusCode: number; body: string }>> = {
    authorization_code: async () => redeem(await code()),
    refresh_token: () => post('token', { grant_type: 'refresh_token', refresh_token: refresh }),
    client_credentials: () => post('token', { grant_type: 'client_credentials' }, backend),
    [grantNames.device]: byDevice,
    [grantNames['token-exchange']]: () => post('token', exchangeForm, backend),
  };
  t.same([...document.grant_types_supported].sort(), Object.keys(ways).sort());
  for (const [name, ask] of Object.entries(ways)) {
    const answer = await ask();
    t.equal(answer.statusCode, 200, `${name}: ${answer.body}`);
  }
  for (const grant_type of [
    'password',
    'implicit',
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
    'urn:ietf:params:oauth:grant-type:saml2-bearer',
    'urn:openid:params:grant-type:ciba',
    'urn:ietf:params:oauth:grant-type:uma-ticket',
    'Authorization_Code',
    '__proto__',
  ])
    t.equal((await post('token', { grant_type })).json().error, 'unsupported_grant_type', grant_type);
});

t.test('M5: each way to authenticate that is named works at its endpoint, every other one is refused', async (t) => {
  const key = await clientKey('ES256');
  const service = await s.client('By key', { requests: [s.polls] });
  await registerKeys(db, service, { jwks: { keys: [key.jwk] as never } });
  const nobody = (id: string): TestClient => ({ id, principal: '', secret: null });
  const requests: Record<string, () => Promise<[Record<string, string>, TestClient]>> = {
    client_secret_basic: async () => [{}, web],
    client_secret_post: async () => [{ client_secret: web.secret as string }, nobody(web.id)],
    private_key_jwt: async () => [
      assertionParameters(await makeAssertion(key, service.id, { audience: ISSUER, now: clock.now() })),
      nobody(service.id),
    ],
    none: async () => [{}, spa],
  };
  for (const [endpoint, fields] of [
    ['token', { grant_type: 'refresh_token', refresh_token: 'x' }],
    ['introspection', { token: 'x' }],
    ['revocation', { token: 'x' }],
  ] as const)
    for (const [method, show] of Object.entries(requests)) {
      const [more, by] = await show();
      const answer = await post(urlPath(document[`${endpoint}_endpoint`]).slice(8), { ...fields, ...more }, by);
      const isNamed = document[`${endpoint}_endpoint_auth_methods_supported`].includes(method);
      // A public client that names itself is let in at the token endpoint by the grants that are for it.
      const isIn = isNamed || (endpoint === 'token' && method === 'none');
      t.equal(answer.json().error === 'invalid_client', !isIn, `${endpoint}: ${method} ${answer.body}`);
    }
  const mac = {
    client_assertion_type: assertionParameters('').client_assertion_type,
    client_assertion: 'e30.e30.AAAA',
  };
  t.equal((await post('token', { grant_type: 'client_credentials', ...mac }, nobody(web.id))).statusCode, 401);
});

t.test(
  'M5, K1, K3, OIDC Core §3.1.3.6 (J1): each algorithm that is named signs, and the key is published',
  async (t) => {
    const client = await getClient(db.fork(), web.id);
    for (const alg of document.id_token_signing_alg_values_supported) {
      await ensureCurrentKey(db.fork(), audit(), masterKey, alg);
      await updateClient(db.fork(), audit(), client, { settings: { idTokenAlg: alg, userinfoAlg: alg } });
      await s.keys.reload();
      const { id_token, access_token } = await tokens({ scope: 'openid' });
      const options = { issuer: ISSUER, audience: web.id, currentDate: clock.now() };
      const { payload, protectedHeader } = await jwtVerify(id_token, await jwks(), options);
      t.equal(protectedHeader.alg, alg);
      const hash = alg === 'EdDSA' ? 'sha512' : 'sha256';
      const whole = Buffer.from(await crypto.subtle.digest(hash.replace('sha', 'SHA-'), Buffer.from(access_token)));
      t.equal(payload['at_hash'], whole.subarray(0, whole.length / 2).toString('base64url'), alg);
      const claims = await about(access_token);
      t.match((await jwtVerify(claims.body, await jwks(), options)).protectedHeader, { alg });
    }
    const { keys } = (await app.inject('/.well-known/jwks.json')).json() as { keys: Record<string, string>[] };
    const members = { RSA: ['e', 'n'], EC: ['crv', 'x', 'y'], OKP: ['crv', 'x'] } as Record<string, string[]>;
    for (const key of keys)
      t.same(Object.keys(key).sort(), ['alg', 'kid', 'kty', 'use', ...(members[key['kty'] as string] ?? [])].sort());
    t.same(
      [keys.map((one) => one['alg']).sort(), new Set(keys.map((one) => one['kid'])).size, keys[0]?.['alg']],
      [[...document.id_token_signing_alg_values_supported].sort(), 3, 'RS256'],
      'K1: public members alone, one key for each, the standard one first',
    );
    t.same(
      [...document.userinfo_signing_alg_values_supported].sort(),
      [...document.id_token_signing_alg_values_supported].sort(),
    );
    await updateClient(db.fork(), audit(), client, { settings: { idTokenAlg: 'RS256', userinfoAlg: null } });
  },
);

t.test('M5: each prompt, mode, scope and class that is named is taken, every other one is not', async (t) => {
  t.same(document.response_types_supported, ['code']);
  for (const prompt of document.prompt_values_supported) {
    const { response } = await s.ask(alice, web, { prompt });
    t.notOk(String(response.headers.location).includes('error='), prompt);
  }
  for (const prompt of ['create', 'admin_consent', 'None', 'login create'])
    t.match(await s.answer(alice, web, { prompt }), { error: 'invalid_request' }, prompt);
  const code = { query: 'code=', form_post: 'name="code"' } as Record<string, string>;
  t.same(document.response_modes_supported, Object.keys(code));
  for (const response_mode of document.response_modes_supported) {
    const { response } = await s.ask(alice, web, { response_mode });
    t.match(`${response.headers.location} ${response.body}`, code[response_mode] as string, response_mode);
  }
  for (const response_mode of ['fragment', 'jwt', 'query.jwt', 'form_post.jwt', 'web_message', 'Query'])
    t.match(await s.answer(alice, web, { response_mode }), { error: 'invalid_request' }, response_mode);
  const all = document.scopes_supported.join(' ');
  const { code: given = '' } = await s.answer(alice, web, { scope: `${all} nonsense` });
  t.equal((await redeem(String(given))).json().scope, all, 'the unknown scope is dropped');
  const acr = (value: string) => ({ claims: JSON.stringify({ id_token: { acr: { essential: true, value } } }) });
  for (const value of document.acr_values_supported) t.match(await s.answer(alice, web, acr(value)), { code: /./ });
  for (const value of ['urn:signet:acr:2fa', 'phr', 'phrh', '0', ''])
    t.match(await s.answer(alice, web, acr(value)), { error: 'unmet_authentication_requirements' }, value);
});

t.test('M4: every claim that a client is told is named', async (t) => {
  const key = await clientKey();
  const dpop = await proofBy(key, { method: 'POST', url: document.token_endpoint, now: clock.now() });
  const scope = document.scopes_supported.join(' ');
  const answer = await post(
    'token',
    {
      grant_type: 'authorization_code',
      code: await code(web, { scope }),
      redirect_uri: CALLBACK,
      code_verifier: VERIFIER,
    },
    web,
    { dpop },
  );
  const bound = answer.json();
  const { access_token: free } = await tokens({ scope });
  const subject_token_type = 'urn:ietf:params:oauth:token-type:access_token';
  const form = {
    grant_type: grantNames['token-exchange'],
    audience: 'ledger',
    subject_token: free,
    subject_token_type,
  };
  const { access_token: exchanged } = (await post('token', form, backend)).json();
  const tokenClaims = [bound.access_token, bound.id_token, exchanged].flatMap((token) => Object.keys(jwtClaims(token)));
  const userinfoClaims = Object.keys((await about(free)).json());
  for (const name of new Set([...tokenClaims, ...userinfoClaims])) t.ok(document.claims_supported.includes(name), name);
  for (const name of ['cnf', 'act', 'nonce', 'at_hash', 'groups'])
    t.ok([...tokenClaims, ...userinfoClaims].includes(name), `${name}: the scene`);
});

const answers: [string, Record<string, string>, TestClient][] = [
  ['token', { grant_type: 'client_credentials' }, backend],
  ['introspect', { token: 'x' }, web],
  ['revoke', { token: 'x' }, web],
  ['device_authorization', { scope: 'openid' }, box],
  [
    'par',
    { response_type: 'code', redirect_uri: CALLBACK, code_challenge: CHALLENGE, code_challenge_method: 'S256' },
    web,
  ],
];

t.test('T1, T2, T3, RFC 6749 §5.1, §5.2: what every endpoint for programs answers, whatever it is sent', async (t) => {
  const form = 'application/x-www-form-urlencoded';
  for (const [path, fields, by] of answers) {
    const right: Record<string, string> = by.secret === null ? { client_id: by.id, ...fields } : fields;
    const auth: Record<string, string> = by.secret === null ? {} : basic(by);
    const body = new URLSearchParams(right).toString();
    const send = async (what: string, payload: string | Buffer, headers: Record<string, string>, query = '') => {
      const url = `/oauth2/${path}${query}`;
      const answer = await app.inject({ method: 'POST', url, payload, headers: { 'content-type': form, ...headers } });
      const message = `${path}, ${what}: ${answer.statusCode} ${answer.body.slice(0, 100)}`;
      t.match(answer.headers, { 'cache-control': 'no-store', pragma: 'no-cache' }, message);
      t.match(answer.headers['content-type'], /^application\/json/, message);
      if (answer.statusCode < 300) return answer;
      t.ok([400, 401, 413, 415].includes(answer.statusCode), message);
      const { error, error_description: text } = answer.json();
      t.match(
        error,
        /^(invalid_(request|client|grant|scope|target)|un(authorized_client|supported_grant_type))$/,
        message,
      );
      t.match(text, /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/, message);
      return answer;
    };
    t.ok((await send('right', body, auth)).statusCode < 300, path);
    t.ok((await send('with unknown parameters', `${body}&a[]=1&%F0%9F%94%92=2&x=`, auth)).statusCode < 300, path);
    const refusals: [string, string | Buffer, Record<string, string>, string?][] = [
      ['nobody', new URLSearchParams(fields).toString(), {}],
      ['a wrong secret', body, basic({ ...by, secret: 'wrong' })],
      ['in the query', '', auth, `?${body}`],
      ['in both', body, auth, `?${body}`],
      ['as JSON', JSON.stringify(right), { ...auth, 'content-type': 'application/json' }],
      ['as text', body, { ...auth, 'content-type': 'text/plain' }],
      ['as multipart', body, { ...auth, 'content-type': 'multipart/form-data; boundary=x' }],
      ['by another charset', body, { ...auth, 'content-type': `${form}; charset=utf-16` }],
      ['NUL', `${body}&x=%00`, auth],
      ['half a surrogate pair', `${body}&x=%ed%a0%80`, auth],
      ['no UTF-8', Buffer.concat([Buffer.from(`${body}&x=`), Buffer.from([0xff])]), auth],
      ['a broken escape', `${body}&x=%zz`, auth],
      ['64 KiB and more', `${body}&x=${'x'.repeat(66_000)}`, auth],
      ...Object.entries(right).map(([name, value]): [string, string, Record<string, string>] => [
        `${name} twice`,
        `${body}&${new URLSearchParams({ [name]: value })}`,
        auth,
      ]),
    ];
    for (const [what, payload, headers, query] of refusals)
      t.ok((await send(what, payload, headers, query)).statusCode >= 400, `${path}: ${what}`);
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH'] as const) {
      const answer = await app.inject({ method, url: `/oauth2/${path}?${body}`, headers: auth });
      t.same([answer.statusCode, /POST/.test(String(answer.headers['allow']))], [405, true], `${method} ${path}`);
    }
  }
});

t.test('J2, K3, RFC 9068 §2.1, §2.2, RFC 7519 §2: what an access token says, and by which key', async (t) => {
  clock.at = new Date('2026-11-22T13:00:00.999Z');
  const { access_token: token } = await tokens({ session: (await s.signIn()).session.id });
  const header = jwtHeader(token);
  t.same(Object.keys(header).sort(), ['alg', 'kid', 'typ']);
  t.match(header, { typ: 'at+jwt', alg: 'RS256' });
  const published = (await app.inject('/.well-known/jwks.json')).json().keys;
  t.equal(published.filter((one: { kid: string }) => one.kid === header.kid).length, 1);
  await jwtVerify(token, await jwks(), { typ: 'at+jwt', issuer: ISSUER, audience: 'polls', currentDate: clock.now() });
  const claims = jwtClaims(token);
  for (const name of [
    'iss',
    'exp',
    'aud',
    'sub',
    'client_id',
    'iat',
    'jti',
    'auth_time',
    'acr',
    'amr',
    'scope',
    'status',
  ])
    t.ok(name in claims, name);
  t.match(claims, { sub: s.alice.id, client_id: web.id, aud: 'polls', amr: ['pwd'], scope: 'openid profile' });
  t.match(claims.status.status_list, { idx: Number, uri: `${ISSUER}/status-lists/1` });
  t.equal(claims.iat, Date.parse('2026-11-22T13:00:00Z') / 1000, 'whole seconds, never of the future');
  t.same([claims.exp - claims.iat, claims.auth_time], [600, claims.iat]);
  const other = await tokens();
  t.not(jwtClaims(other.access_token).jti, claims.jti);
});

t.test(
  'OIDC Core §12.2: a refresh gives an ID token of the same authentication, for the new access token',
  async (t) => {
    const first = await tokens({ session: (await s.signIn()).session.id });
    clock.pass(30);
    const form = { grant_type: 'refresh_token', refresh_token: first.refresh_token };
    const second = (await post('token', form)).json();
    const [before, after] = [jwtClaims(first.id_token), jwtClaims(second.id_token)];
    for (const name of ['iss', 'sub', 'aud', 'auth_time', 'acr', 'amr', 'sid']) t.same(after[name], before[name], name);
    t.equal(after.iat, before.iat + 30);
    t.notOk('nonce' in after);
    t.not(after.at_hash, before.at_hash);
    const narrow = { grant_type: 'refresh_token', refresh_token: second.refresh_token, scope: 'profile' };
    t.notOk('id_token' in (await post('token', narrow)).json(), 'without openid there is none');
  },
);

t.test('B2, RFC 9470 §4: a user who is sent to authenticate again comes back with a token that says so', async (t) => {
  const browser = await s.signedInBrowser();
  const get = async (more: Record<string, string> = {}) => {
    const page = await s.ask(browser, web, more);
    const isLogin = page.url.includes('/login');
    const done = isLogin ? await browser.submit(page, { username: 'alice', password: 'a long enough phrase' }) : page;
    const { access_token } = (await redeem(String(responseParameters(done)['code']))).json();
    return { isLogin, ...jwtClaims(access_token) };
  };
  const first = await get();
  clock.pass(100);
  const same = await get({ max_age: '100' });
  t.same([same.isLogin, same.auth_time], [false, first.auth_time]);
  const acr = JSON.stringify({ id_token: { acr: { essential: true, value: 'urn:signet:acr:1fa' } } });
  const stepped = await get({ max_age: '99', claims: acr });
  t.same([stepped.isLogin, stepped.auth_time], [true, first.auth_time + 100]);
  t.match(stepped, { acr: 'urn:signet:acr:1fa', amr: ['pwd'] });
  t.not(stepped.sid, first.sid);
});

t.test(
  'R2, RFC 7009 §2.1: what is revoked is refused at once, and by the lists as soon as they are read',
  async (t) => {
    const tokenStatus = async (token: string) => {
      await s.refresh();
      const { idx, uri } = jwtClaims(token).status.status_list;
      const list = jwtClaims((await app.inject(urlPath(uri))).body);
      const { inflateSync } = await import('node:zlib');
      const bytes = inflateSync(Buffer.from(list.status_list.lst, 'base64url'));
      t.ok(list.ttl <= 5, 'within five seconds');
      return ((bytes[idx >> 2] as number) >> ((idx & 3) * 2)) & 3;
    };
    const { session } = await s.signIn();
    const { access_token, refresh_token } = await tokens({ session: session.id });
    t.equal(await tokenStatus(access_token), 0);
    t.equal((await post('revoke', { token: access_token })).statusCode, 200);
    t.same(await introspect(access_token), { active: false });
    t.equal((await about(access_token)).statusCode, 401);
    t.equal(await tokenStatus(access_token), 2, 'refresh for another');
    const next = (await post('token', { grant_type: 'refresh_token', refresh_token })).json();
    t.equal(await tokenStatus(next.access_token), 0);
    t.equal((await post('revoke', { token: next.refresh_token })).statusCode, 200);
    t.same(await introspect(next.access_token), { active: false });
    t.equal(await tokenStatus(next.access_token), 1, 'log in again');
  },
);

t.test('RFC 9449 §10.1 (B3, P1): a request that is pushed with a proof gives a code for that key alone', async (t) => {
  const [key, other] = [await clientKey(), await clientKey()];
  const proof = (by: typeof key, path: string) =>
    proofBy(by, { method: 'POST', url: `${ISSUER}/oauth2/${path}`, now: clock.now() });
  const asked = answers.find(([path]) => path === 'par')?.[1] as Record<string, string>;
  const push = async (headers: Record<string, string>, more: Record<string, string> = {}) =>
    post('par', { ...asked, ...more }, web, headers);
  const redeemPushed = async (uri: string, dpop?: string) => {
    const query = new URLSearchParams({ client_id: web.id, request_uri: uri });
    const { code: given } = responseParameters(await alice.open(`/oauth2/authorize?${query}`));
    const form = {
      grant_type: 'authorization_code',
      code: String(given),
      redirect_uri: CALLBACK,
      code_verifier: VERIFIER,
    };
    return (await post('token', form, web, dpop === undefined ? {} : { dpop })).json();
  };
  const uri = async () => (await push({ dpop: await proof(key, 'par') })).json().request_uri as string;
  t.equal((await redeemPushed(await uri())).error, 'invalid_grant', 'without a proof');
  t.equal((await redeemPushed(await uri(), await proof(other, 'token'))).error, 'invalid_grant', 'by another key');
  t.equal((await redeemPushed(await uri(), await proof(key, 'token'))).token_type, 'DPoP');
  const dpop = await proof(key, 'par');
  t.equal((await push({ dpop }, { dpop_jkt: other.jkt })).json().error, 'invalid_dpop_proof', 'they name two keys');
  t.equal((await push({ dpop: await proof(key, 'token') })).json().error, 'invalid_dpop_proof', 'for elsewhere');
});

t.test('RFC 7515 §4.1.11 (J3, T5): a header that must be understood is refused', async (t) => {
  const key = await clientKey('RS256');
  const service = await s.client('Critical', { requests: [s.polls] });
  await registerKeys(db, service, { jwks: { keys: [key.jwk] as never } });
  const iat = Math.floor(clock.now().getTime() / 1000);
  const { sign } = await import('node:crypto');
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  // jose would not sign it: a header that nobody understands is signed as it stands.
  const signed = (header: object, claims: object) => {
    const text = `${part({ alg: 'RS256', ...header })}.${part(claims)}`;
    const signature = sign('sha256', Buffer.from(text), key.privateKey);
    t.ok(verify('sha256', Buffer.from(text), key.privateKey, signature), 'the signature is right');
    return `${text}.${signature.toString('base64url')}`;
  };
  const id = service.id;
  const assertion = (header: object, jti: string) =>
    signed(header, { iss: id, sub: id, aud: ISSUER, iat, exp: iat + 60, jti });
  const proof = (header: object, jti: string) =>
    signed({ typ: 'dpop+jwt', jwk: key.jwk, ...header }, { htm: 'POST', htu: document.token_endpoint, iat, jti });
  const ask = (header: object, proofHeader: object, jti: string) =>
    post(
      'token',
      { grant_type: 'client_credentials', ...assertionParameters(assertion(header, jti)) },
      { id, principal: '', secret: null },
      { dpop: proof(proofHeader, jti) },
    );
  t.equal((await ask({}, {}, 'a')).statusCode, 200, 'the scene is right');
  for (const [at, crit] of [['exp'], ['b64'], ['http://example.com/u'], [], 'exp', null].entries()) {
    // `b64: true` changes nothing, so that a library which knows it would let it pass.
    const header = { crit, exp: iat + 60, b64: true };
    t.equal((await ask(header, {}, `b${at}`)).json().error, 'invalid_client', JSON.stringify(crit));
    t.equal((await ask({}, header, `c${at}`)).json().error, 'invalid_dpop_proof', JSON.stringify(crit));
  }
  await t.rejects(signWith(key, { crit: ['x'], x: 1 }, {}), 'as a library of stock would refuse to');
});
