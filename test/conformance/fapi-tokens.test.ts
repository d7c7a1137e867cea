import { jwtVerify } from 'jose';
import { type ClientKey, clientKey } from '../support/client-keys.ts';
import { openTestEmbedded } from '../support/database.ts';
import t, { type Test } from '../support/tap.ts';
import { type Differs, ISSUER, openFapiPlan } from './fapi-plan.ts';

// fapi2-security-profile-final-test-plan of OpenID's conformance suite (plain_fapi, private_key_jwt, DPoP, openid_connect): what it
// asks of the token endpoint and of a resource. `fapi.test.ts` plays what comes before.

const db = await openTestEmbedded();
t.teardown(() => db.close());
const s = await openFapiPlan(db);
const { first, second, code, redeem, refresh, tokens, userinfo, clock } = s;
type Response = Awaited<ReturnType<typeof redeem>>;

/** RFC 6749 §5.2: JSON, and one of these. */
const refused = (t: Test, { statusCode, headers, body }: Response, errors: readonly string[], why: string) => {
  t.match(headers['content-type'], /^application\/json/, why);
  const { error } = JSON.parse(body);
  t.ok(errors.includes(error), `${why}: ${body}`);
  t.equal(statusCode, error === 'invalid_client' ? 401 : 400, why);
};

t.test(
  'fapi2-security-profile-final-happy-flow: RFC 9449 §5, RFC 6749 §5.1, OIDC Core §3.1.3.7: a token that is bound, an ID token by ES256, and a resource that is answered',
  async (t) => {
    for (const alg of ['ES256', 'PS256', 'EdDSA'] as const) {
      const dpop = await clientKey(alg);
      const response = await redeem(second, await code(second), { dpop });
      t.same([response.statusCode, response.headers['cache-control']], [200, 'no-store'], response.body);
      const got = response.json();
      t.equal(got.token_type, 'DPoP');
      t.ok(Number.isInteger(got.expires_in) && got.expires_in > 0);
      const { payload, protectedHeader } = await jwtVerify(got.id_token, s.keys, {
        issuer: ISSUER,
        audience: second.id,
        currentDate: clock.now(),
      });
      t.match(protectedHeader, { alg: 'ES256', kid: /./ });
      t.type(payload.sub, 'string');
      t.match((await userinfo(got.access_token, dpop)).json(), { sub: payload.sub });
    }
  },
);

t.test(
  'fapi2-security-profile-final-access-token-type-header-case-sensitivity: RFC 9449 §7.1: the scheme is compared without regard to case',
  async (t) => {
    const dpop = await clientKey();
    const { access_token: token } = await tokens(first, dpop);
    for (const scheme of ['DPoP', 'dpop', 'DPOP'])
      t.equal((await userinfo(token, dpop, {}, scheme)).statusCode, 200, scheme);
  },
);

t.test(
  'fapi2-security-profile-final-check-dpop-proof-nbf-exp, -ensure-dpopproof-with-iat-10seconds-before-succeeds, -ensure-dpopproof-with-iat-10seconds-after-succeeds: RFC 9449 §4.3: clocks may differ a little',
  async (t) => {
    const dpop = await clientKey();
    const now = Math.floor(clock.now().getTime() / 1000);
    for (const claims of [{ nbf: now, exp: now + 300 }, { iat: now - 10 }, { iat: now + 10 }]) {
      const response = await redeem(first, await code(first), { dpop }, {}, { claims });
      t.equal(response.statusCode, 200, response.body);
      t.equal((await userinfo(response.json().access_token, dpop, { claims })).statusCode, 200);
    }
  },
);

t.test(
  'fapi2-security-profile-final-ensure-holder-of-key-required: RFC 9449 §5.2: without a proof there is no token, and the code is still there',
  async (t) => {
    const given = await code(first);
    refused(t, await redeem(first, given, { dpop: null }), ['invalid_request', 'invalid_grant'], 'no proof');
    t.equal((await redeem(first, given, { dpop: await clientKey() })).statusCode, 200);
  },
);

t.test(
  'fapi2-security-profile-final-ensure-client-id-in-token-endpoint, -ensure-client-assertion-in-token-endpoint, -ensure-authorization-code-is-bound-to-client: RFC 6749 §4.1.3, RFC 7521 §4.2: the client that it was given to, and by its own key',
  async (t) => {
    const dpop = await clientKey();
    const given = await code(first);
    const foreign = await redeem(second, given, { dpop, assertion: { key: first.key } }, { client_id: second.id });
    refused(t, foreign, ['invalid_client', 'invalid_grant'], 'signed by the key of the other');
    const named = await redeem(first, given, { dpop }, { client_id: second.id });
    refused(t, named, ['invalid_client', 'invalid_grant'], 'another name beside the assertion');
    refused(t, await redeem(first, given, { dpop, assertion: null }), ['invalid_client'], 'no assertion');
    refused(t, await redeem(second, given, { dpop }), ['invalid_grant'], 'of another client');
  },
);

t.test(
  'fapi2-security-profile-final-attempt-reuse-authorization-code-after-one-second: RFC 6749 §4.1.2: refused, and its token with it',
  async (t) => {
    const dpop = await clientKey();
    const given = await code(first);
    const { access_token: token } = (await redeem(first, given, { dpop })).json();
    t.equal((await userinfo(token, dpop)).statusCode, 200);
    clock.pass(1);
    refused(t, await redeem(first, given, { dpop }), ['invalid_grant'], 'a second time');
    t.equal((await userinfo(token, dpop)).statusCode, 401);
  },
);

t.test(
  'fapi2-security-profile-final-ensure-token-endpoint-fails-with-expired-auth-code: RFC 6749 §4.1.2: a code lives a minute',
  async (t) => {
    const given = await code(first);
    clock.pass(62);
    refused(t, await redeem(first, given, { dpop: await clientKey() }), ['invalid_grant'], 'after 62 seconds');
  },
);

t.test(
  'fapi2-security-profile-final-ensure-signed-client-assertion-with-RS256-fails, -with-exp-is-5-minutes-in-past-fails, -with-wrong-aud-fails, -with-no-sub-fails: RFC 7523 §3, OIDC Registration §2: an assertion that is not right is invalid_client',
  async (t) => {
    const dpop = await clientKey();
    const given = await code(first);
    const now = Math.floor(clock.now().getTime() / 1000);
    const wrong: Record<string, Differs> = {
      'RS256, by a client that is registered for PS256': { key: { ...first.key, alg: 'RS256' } },
      'expired five minutes ago': { claims: { iat: now - 360, exp: now - 300 } },
      'for another server': { claims: { aud: 'https://fapidev-as.authlete.net/' } },
      'without sub': { claims: { sub: undefined } },
    };
    for (const [why, assertion] of Object.entries(wrong))
      refused(t, await redeem(first, given, { dpop, assertion }), ['invalid_client'], why);
    t.equal((await redeem(first, given, { dpop })).statusCode, 200);
  },
);

t.test(
  'fapi2-security-profile-final-par-ensure-pkce-code-verifier-required, -par-pkce-incorrect-code-verifier-rejected: RFC 7636 §4.6: the verifier, and the right one',
  async (t) => {
    const dpop = await clientKey();
    const given = await code(first);
    const wrong = `${s.verifier.slice(0, -1)}${s.verifier.endsWith('A') ? 'B' : 'A'}`;
    refused(t, await redeem(first, given, { dpop }, { code_verifier: wrong }), ['invalid_grant'], 'wrong');
    const missing = await redeem(first, given, { dpop }, { code_verifier: '' });
    refused(t, missing, ['invalid_grant', 'invalid_request'], 'missing');
  },
);

t.test(
  'fapi2-security-profile-final-refresh-token: RFC 9449 §5, RFC 6749 §6: a new key each time, the same token for as long as it lives, never without a proof, never by another client',
  async (t) => {
    for (const by of [first, second]) {
      const { refresh_token: one, access_token: old } = await tokens(by, await clientKey());
      clock.pass(1);
      const dpop = await clientKey();
      const response = await refresh(by, one, { dpop });
      t.same([response.statusCode, response.headers['cache-control']], [200, 'no-store'], response.body);
      t.equal(response.json().token_type, 'DPoP');
      t.not(response.json().access_token, old);
      clock.pass(31);
      const lost = await refresh(by, one, { dpop: await clientKey() });
      t.equal(lost.statusCode, 200, 'half a minute later');
      const last = lost.json().refresh_token;
      t.equal(last, one, 'it is not rotated');
      const bare = await refresh(by, last, { dpop: null });
      refused(t, bare, ['invalid_request', 'invalid_grant', 'invalid_client'], 'without a proof');
      refused(t, await refresh(by === first ? second : first, last, { dpop }), ['invalid_grant'], 'by the other');
      t.equal((await refresh(by, last, { dpop })).statusCode, 200, 'which has used nothing up');
    }
  },
);

t.test(
  'fapi2-security-profile-final-dpop-negative-tests: RFC 9449 §4.3, §7.1, RFC 7517 §4.4, RFC 8725 §3.1: at a resource every proof that is not right is 401',
  async (t) => {
    const keys = { PS256: await clientKey('PS256'), ES256: await clientKey('ES256') };
    for (const [alg, key] of Object.entries(keys)) {
      const { access_token: token } = await tokens(first, key);
      // As the suite does it, whose keys say what they are for.
      const jwk = { ...key.jwk, alg, use: 'sig' };
      const good = { header: { jwk } };
      t.equal((await userinfo(token, key, good)).statusCode, 200, alg);
      await negatives(t, token, key, jwk);
      t.equal((await userinfo(token, key, good)).statusCode, 200, `${alg}: and a right one is still good`);
    }
  },
);

t.test(
  'fapi_client_credentials_grant: RFC 6749 §4.4.3, RFC 9449 §5.2: a service gets a bound token, no refresh token, and nothing without a proof',
  async (t) => {
    const api = await s.api('accounts');
    const service = await s.make('service', 'PS256', { preset: 'service', redirectUris: [], requests: [api] });
    const fields = { grant_type: 'client_credentials' };
    const dpop = await clientKey();
    const response = await s.token(service, fields, { dpop });
    t.equal(response.statusCode, 200, response.body);
    t.match(response.json(), { token_type: 'DPoP', expires_in: Number, refresh_token: undefined });
    const { payload } = await jwtVerify(response.json().access_token, s.keys, { currentDate: clock.now() });
    t.same(payload['cnf'], { jkt: dpop.jkt });
    refused(t, await s.token(service, fields, { dpop: null }), ['invalid_request', 'invalid_grant'], 'no proof');
    const weak = { key: { ...service.key, alg: 'RS256' as const } };
    refused(t, await s.token(service, fields, { dpop, assertion: weak }), ['invalid_client'], 'RS256');
  },
);

async function negatives(t: Test, token: string, key: ClientKey, jwk: object): Promise<void> {
  const now = Math.floor(clock.now().getTime() / 1000);
  const url = `${ISSUER}/oauth2/userinfo`;
  const text = await s.proof(key, '/oauth2/userinfo', { header: { jwk } }, 'GET', token);
  const [head, claims, signature] = text.split('.') as [string, string, string];
  const other = await clientKey(key.alg);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const header = JSON.parse(Buffer.from(head, 'base64url').toString());
  const status = async (dpop: string | string[] | undefined, scheme = 'DPoP') => {
    const headers = { authorization: `${scheme} ${token}`, ...(dpop === undefined ? {} : { dpop }) };
    return (await s.app.inject({ url: '/oauth2/userinfo', headers })).statusCode;
  };
  const texts: Record<string, string | string[] | undefined> = {
    'more than one': [text, await s.proof(key, '/oauth2/userinfo', { header: { jwk } }, 'GET', token)],
    'no JWT': `${head}.${claims}`,
    'alg is missing': `${part({ ...header, alg: undefined, alg2: header.alg })}.${claims}.${signature}`,
    'alg none': `${part({ alg: 'none', typ: 'dpop+jwt' })}.${claims}.`,
    'a wrong signature': `${head}.${claims}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
    'no proof': undefined,
  };
  for (const [why, dpop] of Object.entries(texts)) t.match(String(await status(dpop)), /^40[01]$/, why);
  t.equal(await status(undefined, 'Bearer'), 401, 'as a bearer token');

  const made: Record<string, Differs> = {
    'typ is missing': { header: { typ: undefined, jwk } },
    'another typ': { header: { typ: 'dpop+jwt+wrongyousee', jwk } },
    'jwk is missing': { header: { jwk: undefined } },
    'a private key in it': { header: { jwk: { ...jwk, ...key.privateKey.export({ format: 'jwk' }) } } },
    'another key': { key: other, header: { jwk: other.jwk } },
    ...(key.alg === 'PS256' ? { RS256: { key: { ...key, alg: 'RS256' }, header: { jwk } } } : {}),
    ...Object.fromEntries(
      ['jti', 'htm', 'htu', 'iat', 'ath'].map((name) => [`${name} is missing`, { claims: { [name]: undefined } }]),
    ),
    'htm PUT': { claims: { htm: 'PUT' } },
    'another htu': { claims: { htu: `${url}ohnonotagain` } },
    'iat in an hour': { claims: { iat: now + 3600 } },
    'iat an hour ago': { claims: { iat: now - 3600 } },
    'another ath': { claims: { ath: 'fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo' } },
  };
  for (const [why, { key: by = key, ...of }] of Object.entries(made))
    t.equal((await userinfo(token, by, of)).statusCode, 401, why);

  const fine: Record<string, Differs> = {
    'a query and a fragment in htu': { claims: { htu: `${url}?all#programmed` } },
    'claims and header parameters that nobody knows': { claims: { tx_id_key: now }, header: { tx_id: now, jwk } },
    'scheme and host of htu in capitals': { claims: { htu: url.replace('https://id.example', 'HTTPS://ID.EXAMPLE') } },
    'the standard port in htu': { claims: { htu: url.replace('id.example', 'id.example:443') } },
  };
  for (const [why, of] of Object.entries(fine)) t.equal((await userinfo(token, key, of)).statusCode, 200, why);
  t.same([await status(text), await status(text)], [200, 401], 'used a second time');
}
