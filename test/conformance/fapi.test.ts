import { responseParameters } from '../support/browser.ts';
import { clientKey } from '../support/client-keys.ts';
import { openTestEmbedded } from '../support/database.ts';
import { jwtClaims } from '../support/flows.ts';
import t, { type Test } from '../support/tap.ts';
import { CALLBACK, ISSUER, openFapiPlan } from './fapi-plan.ts';

// fapi2-security-profile-final-test-plan of OpenID's conformance suite (plain_fapi, private_key_jwt, DPoP, openid_connect): what it
// asks of discovery, of pushed requests and of the authorization endpoint. `fapi-tokens.test.ts` plays the rest.

const db = await openTestEmbedded();
t.teardown(() => db.close());
const s = await openFapiPlan(db);
const { first, second, push, pushed, go, urlOf, visit, clock } = s;
type Response = Awaited<ReturnType<typeof push>>;

const refused = (t: Test, { statusCode, body }: Response, errors: readonly string[], why: string) => {
  t.ok(statusCode === 400 || statusCode === 401, why);
  t.ok(errors.includes(JSON.parse(body).error), `${why}: ${body}`);
};
/** RFC 6749 §4.1.2, RFC 9207 §2: what a code comes with. */
const isCode = (t: Test, page: Awaited<ReturnType<typeof go>>, state: string | undefined) =>
  t.match(responseParameters(page), { status: 303, code: /^[\w-]{43}$/, iss: ISSUER, ...(state ? { state } : {}) });
/** A page for the user, and nothing that goes back. */
const isPage = (t: Test, { response }: Awaited<ReturnType<typeof go>>, what: RegExp) => {
  t.same([response.statusCode, response.headers.location], [400, undefined]);
  t.match(response.body, what);
};

t.test(
  'fapi2-security-profile-final-discovery-end-point-verification: RFC 8414 §2: what the profile needs is offered',
  async (t) => {
    const { document } = s;
    const has = (name: string, ...some: string[]) =>
      t.ok(
        some.some((one) => (document[name] as string[]).includes(one)),
        name,
      );
    const strong = ['PS256', 'ES256', 'EdDSA'];
    t.equal(document['issuer'], ISSUER);
    t.equal(document['authorization_response_iss_parameter_supported'], true);
    for (const name of ['authorization', 'token', 'pushed_authorization_request', 'userinfo'])
      t.match(document[`${name}_endpoint`], /^https:\/\//, name);
    has('response_types_supported', 'code');
    has('code_challenge_methods_supported', 'S256');
    has('token_endpoint_auth_methods_supported', 'private_key_jwt');
    has('dpop_signing_alg_values_supported', ...strong);
    has('id_token_signing_alg_values_supported', ...strong);
    has('userinfo_signing_alg_values_supported', ...strong);
    has('token_endpoint_auth_signing_alg_values_supported', ...strong);
    has('scopes_supported', 'openid');
    has('subject_types_supported', 'public');
    t.type(document['require_pushed_authorization_requests'] ?? false, 'boolean');
    const oauth = await s.app.inject('/.well-known/oauth-authorization-server');
    t.same([oauth.statusCode, oauth.json().issuer], [200, ISSUER], 'plain_oauth');
  },
);

t.test(
  'fapi2-security-profile-final-happy-flow, -par-without-duplicate-parameters: RFC 9126 §2.2, §4: client_id and request_uri are enough; what stands beside them counts for nothing',
  async (t) => {
    const response = await push(first, { state: 'inside' });
    t.same([response.statusCode, response.headers['content-type']], [201, 'application/json; charset=utf-8']);
    const { request_uri: uri, expires_in: seconds } = response.json();
    t.ok(Number.isInteger(seconds) && seconds >= 5 && seconds < 600, 'the profile: less than 600 seconds');
    t.ok(uri.slice('urn:ietf:params:oauth:request_uri:'.length).length >= 43, '256 bits');
    isCode(t, await go(urlOf(first, uri)), 'inside');
    const beside = { state: 'outside', nonce: 'outside', scope: 'openid profile', response_type: 'code' };
    isCode(t, await go(urlOf(second, await pushed(second, { state: 'inside' }), beside)), 'inside');
  },
);

t.test(
  'fapi2-security-profile-final-state-only-outside-request-object-not-used, -ensure-authorization-request-without-state-success, -without-nonce-success: RFC 9126 §4: a state that was not pushed does not come back',
  async (t) => {
    const page = await go(urlOf(first, await pushed(first, { state: undefined }), { state: 'outside' }));
    isCode(t, page, undefined);
    t.notOk('state' in responseParameters(page));
    isCode(t, await go(urlOf(first, await pushed(first, { nonce: undefined, state: 'x' }))), 'x');
  },
);

t.test(
  'fapi2-security-profile-final-ensure-authorization-request-with-long-nonce, -with-long-state, -with-64-char-nonce-success: RFC 6749 §4.1.2: they come back whole',
  async (t) => {
    for (const length of [64, 128, 384]) {
      const [state, nonce] = ['s'.repeat(length), 'n'.repeat(length)];
      const page = await go(urlOf(first, await pushed(first, { state, nonce })));
      isCode(t, page, state);
      const dpop = await clientKey();
      const { id_token: idToken } = (await s.redeem(first, String(responseParameters(page)['code']), { dpop })).json();
      t.equal(jwtClaims(idToken).nonce, nonce);
    }
  },
);

t.test(
  'fapi2-security-profile-final-user-rejects-authentication: RFC 6749 §4.1.2.1: whoever cancels at the login form, or denies later, is heard: access_denied, with state and iss',
  async (t) => {
    const state = 's'.repeat(128);
    const ask = async () => urlOf(first, await pushed(first, { state, scope: 'openid profile' }));
    const signedIn = visit();
    await go(urlOf(first, await pushed(first)), signedIn);
    for (const browser of [visit(), signedIn]) {
      const { error_description: _, ...answer } = responseParameters(await go(await ask(), browser, 'deny'));
      t.same(answer, { status: 303, error: 'access_denied', state, iss: ISSUER });
    }
  },
);

t.test(
  'fapi2-security-profile-final-ensure-unsigned-authorization-request-without-using-par-fails: RFC 9126 §6: such a client pushes',
  async (t) => {
    const url = `${ISSUER}/oauth2/authorize?${new URLSearchParams({ client_id: first.id, ...s.request({ state: 'x' }) })}`;
    t.match(responseParameters(await go(url)), { error: 'invalid_request', state: 'x', iss: ISSUER });
  },
);

t.test(
  'fapi2-security-profile-final-tolerate-unregistered-redirect-uri, -ensure-registered-redirect-uri, -ensure-redirect-uri-in-authorization-request: RFC 9126 §2.3: refused where it is pushed',
  async (t) => {
    refused(t, await push(first, { redirect_uri: `${CALLBACK}/random` }), ['invalid_request'], 'unregistered');
    refused(t, await push(first, { redirect_uri: undefined }), ['invalid_request'], 'missing');
    const plain = await push(first, { redirect_uri: undefined, scope: undefined, nonce: undefined });
    refused(t, plain, ['invalid_request'], 'missing, of plain OAuth');
  },
);

t.test(
  'fapi2-security-profile-final-ensure-response-type-code-idtoken-fails, -token-fails: RFC 9126 §2.3: codes alone',
  async (t) => {
    for (const type of ['token', 'code id_token'])
      refused(t, await push(first, { response_type: type }), ['unsupported_response_type', 'invalid_request'], type);
  },
);

t.test(
  'fapi2-security-profile-final-par-ensure-pkce-required, -par-plain-pkce-rejected: RFC 7636 §4.4.1: a challenge, and by S256',
  async (t) => {
    const none = await push(first, { code_challenge: undefined, code_challenge_method: undefined });
    refused(t, none, ['invalid_request'], 'none');
    refused(t, await push(first, { code_challenge_method: 'plain' }), ['invalid_request'], 'plain');
    const unsaid = await push(first, { code_challenge_method: undefined });
    refused(t, unsaid, ['invalid_request'], 'unsaid, which means plain');
  },
);

t.test(
  'fapi2-security-profile-final-par-authorization-request-containing-request_uri-form-param, -par-attempt-invalid-http-method: RFC 9126 §2.1, §2.3',
  async (t) => {
    const uri = 'urn:ietf:params:oauth:request_uri:random';
    refused(t, await push(first, { request_uri: uri }), ['invalid_request', 'request_uri_not_supported'], 'inside');
    refused(t, await push(first, { request: 'e30.e30.' }), ['request_not_supported'], 'a request object');
    for (const method of ['PUT', 'GET'] as const) {
      const url = '/oauth2/par';
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const fields = { ...s.request(), ...(await s.authenticated(first)) };
      const payload = method === 'PUT' ? { payload: new URLSearchParams(fields).toString() } : {};
      t.equal((await s.app.inject({ method, url, headers, ...payload })).statusCode, 405, method);
    }
  },
);

t.test(
  'fapi2-security-profile-final-par-attempt-reuse-request_uri, -par-attempt-to-use-expired-request_uri, -par-attempt-to-use-request_uri-for-different-client: RFC 9126 §2.2, §7.3: one answer for all three',
  async (t) => {
    const used = await pushed(first);
    isCode(t, await go(urlOf(first, used)), undefined);
    isPage(t, await go(urlOf(first, used)), /invalid_request_uri/);
    const foreign = await pushed(first);
    isPage(t, await go(urlOf(second, foreign)), /invalid_request_uri/);
    const response = await push(first);
    clock.pass(response.json().expires_in + 1);
    isPage(t, await go(urlOf(first, response.json().request_uri)), /invalid_request_uri/);
  },
);

t.test(
  'fapi2-security-profile-final-par-ensure-reused-request-uri-prior-to-auth-completion-succeeds: RFC 9126 §7.3: visited twice, and used once',
  async (t) => {
    const uri = await pushed(first, { state: 'twice' });
    const browser = visit();
    t.match((await browser.open(urlOf(first, uri))).url, /\/login/);
    isCode(t, await go(urlOf(first, uri), browser), 'twice');
  },
);

t.test(
  'fapi2-security-profile-final-ensure-mismatched-dpop-jkt-fails, -ensure-token-endpoint-fails-with-mismatched-dpop-jkt, -ensure-dpopproof-at-par-endpoint-binding-success, -ensure-dpop-auth-code-binding-success: RFC 9449 §10, §10.1: dpop_jkt is the key of the proof',
  async (t) => {
    const [key, other] = await Promise.all([clientKey(), clientKey()]);
    const mismatched = await push(first, { dpop_jkt: other.jkt }, { dpop: key });
    refused(t, mismatched, ['invalid_request', 'invalid_dpop_proof'], 'another key');
    for (const [more, how] of [
      [{}, { dpop: key }],
      [{ dpop_jkt: key.jkt }, {}],
      [{ dpop_jkt: key.jkt }, { dpop: key }],
    ] as const) {
      const wrong = await s.redeem(first, await s.code(first, more, how), { dpop: other });
      refused(t, wrong, ['invalid_grant', 'invalid_request', 'invalid_dpop_proof'], 'redeemed by another key');
      t.equal((await s.redeem(first, await s.code(first, more, how), { dpop: key })).statusCode, 200);
    }
  },
);

t.test(
  'fapi2-security-profile-final-par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted, -nbf-over-60-seconds-in-the-future-fails: RFC 7523 §3: clocks may differ by so much',
  async (t) => {
    const now = Math.floor(clock.now().getTime() / 1000);
    const ahead = (by: number) => ({ assertion: { claims: { iat: now + by, nbf: now + by, exp: now + by + 60 } } });
    t.equal((await push(first, {}, ahead(8))).statusCode, 201);
    refused(t, await push(first, {}, ahead(62)), ['invalid_client', 'invalid_request'], 'a minute and more');
  },
);

t.test(
  'fapi2-security-profile-final-par-endpoint-as-array-audience-fails, -par-test-par-endpoint-url-as-audience-fails, -par-test-token-endpoint-url-as-audience-fails: RFC 7523 §3: the issuer, as one text',
  async (t) => {
    for (const aud of [[ISSUER], [ISSUER, `${ISSUER}/oauth2/par`], `${ISSUER}/oauth2/par`, `${ISSUER}/oauth2/token`])
      refused(t, await push(first, {}, { assertion: { claims: { aud } } }), ['invalid_client'], JSON.stringify(aud));
    t.equal((await push(first)).statusCode, 201);
  },
);
