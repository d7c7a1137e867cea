import * as oauth from 'oauth4webapi';
import { basic } from '../support/http.ts';
import t from '../support/tap.ts';
import { fromNpm, refusal, stock } from './record.ts';
import { EDITORS, goThrough, logIn, POLLS_URI, startWorld } from './world.ts';

// The strictest of them: every answer is held to the letter of its RFC.

const CALLBACK = 'https://app.example/callback';
const world = await startWorld(t);
const issuer = new URL(world.issuer);

async function discovered(algorithm: 'oidc' | 'oauth2' = 'oidc'): Promise<oauth.AuthorizationServer> {
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm }));
}

const web = (more: Partial<Parameters<typeof world.client>[0]> = {}) =>
  world.client({ preset: 'web', redirectUris: [CALLBACK], isFirstParty: true, ...more });

interface Asked {
  readonly as: oauth.AuthorizationServer;
  readonly client: oauth.Client;
  readonly auth: oauth.ClientAuth;
  readonly more?: Record<string, string>;
  readonly dpop?: oauth.DPoPHandle;
  readonly pushed?: boolean;
}

/** DPoP by its book: the first answer may only be the nonce to use (RFC 9449 §8). */
async function withNonce<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return call();
  }
}

/** The code flow, as the library's examples have it. */
async function tokensOf({ as, client, auth, more = {}, dpop, pushed = false }: Asked) {
  const verifier = oauth.generateRandomCodeVerifier();
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
  const parameters = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: CALLBACK,
    response_type: 'code',
    scope: 'openid profile',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...more,
  });
  const options = dpop ? { DPoP: dpop } : {};
  const url = new URL(as.authorization_endpoint as string);
  if (pushed) {
    const pushing = await withNonce(async () =>
      oauth.processPushedAuthorizationResponse(
        as,
        client,
        await oauth.pushedAuthorizationRequest(as, client, auth, parameters, options),
      ),
    );
    url.search = new URLSearchParams({ client_id: client.client_id, request_uri: pushing.request_uri }).toString();
  } else url.search = parameters.toString();
  const browser = world.browser({ stopAt: CALLBACK });
  const page = await goThrough(browser, url);
  const params = oauth.validateAuthResponse(as, client, page.url, state);
  const redeem = async () =>
    oauth.processAuthorizationCodeResponse(
      as,
      client,
      await oauth.authorizationCodeGrantRequest(as, client, auth, params, CALLBACK, verifier, options),
      { expectedNonce: nonce, requireIdToken: true },
    );
  const tokens = await withNonce(redeem);
  return { tokens, page, browser, redeem };
}

await stock(fromNpm('oauth4webapi'), async (_t, flow) => {
  const as = await discovered();
  const made = await web();
  const client: oauth.Client = { client_id: made.clientId };
  const auth = oauth.ClientSecretBasic(made.secret);

  await flow('discovery by OpenID Connect and by RFC 8414', async (t) => {
    t.same(await discovered('oauth2'), as);
  });

  await flow('authorization code, PKCE, ID token and its signature, userinfo', async (t) => {
    const plain = await web({ requests: [] });
    const own = { client_id: plain.clientId };
    const verifier = oauth.ClientSecretPost(plain.secret);
    const { tokens, page } = await tokensOf({
      as,
      client: own,
      auth: verifier,
      more: { scope: 'openid email profile' },
    });
    t.equal(page.url.searchParams.get('iss'), world.issuer);
    const { sub } = oauth.getValidatedIdTokenClaims(tokens) as oauth.IDToken;
    const answer = await oauth.userInfoRequest(as, own, tokens.access_token);
    t.match(await oauth.processUserInfoResponse(as, own, sub, answer), { sub, email: 'alice@example.com' });
  });

  await flow('refresh; a code used twice ends what it gave', async (t) => {
    const { tokens, redeem } = await tokensOf({ as, client, auth });
    const next = await oauth.processRefreshTokenResponse(
      as,
      client,
      await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token as string),
    );
    t.not(next.refresh_token, tokens.refresh_token);
    t.equal(await refusal(redeem()), 'invalid_grant');
    const again = oauth.refreshTokenGrantRequest(as, client, auth, next.refresh_token as string);
    t.equal(await refusal(again.then((one) => oauth.processRefreshTokenResponse(as, client, one))), 'invalid_grant');
  });

  await flow('access token as an API sees it (RFC 9068), introspection, revocation', async (t) => {
    const serving = await web({ requests: [POLLS_URI], serves: [POLLS_URI] });
    const own = { client_id: serving.clientId };
    const secret = oauth.ClientSecretBasic(serving.secret);
    const { tokens } = await tokensOf({ as, client: own, auth: secret, more: { resource: POLLS_URI } });
    const request = new Request('https://polls.example/choices', {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    const claims = await oauth.validateJwtAccessToken(as, request, POLLS_URI);
    t.match(claims, { client_id: serving.clientId, username: 'alice', permissions: EDITORS });
    const look = async () =>
      oauth.processIntrospectionResponse(
        as,
        own,
        await oauth.introspectionRequest(as, own, secret, tokens.access_token),
      );
    t.match(await look(), { active: true, sub: claims.sub, aud: POLLS_URI });
    await oauth.processRevocationResponse(await oauth.revocationRequest(as, own, secret, tokens.access_token));
    t.same(await look(), { active: false });
  });

  await flow('private_key_jwt with pushed requests (PAR)', async (t) => {
    const { publicKey, privateKey } = await oauth.generateKeyPair('ES256', { extractable: true });
    const jwk = { ...(await crypto.subtle.exportKey('jwk', publicKey)), alg: 'ES256', kid: 'k1', use: 'sig' };
    const signing = await web({
      authMethod: 'private_key_jwt',
      settings: { jwks: { keys: [jwk as never] }, requirePushed: true },
    });
    const own = { client_id: signing.clientId };
    const signed = oauth.PrivateKeyJwt({ key: privateKey, kid: 'k1' });
    t.ok((await tokensOf({ as, client: own, auth: signed, pushed: true })).tokens.id_token);
  });

  await flow('DPoP: pushed request, code, userinfo, refresh', async (t) => {
    const bound = await web({ requests: [], settings: { dpopBound: true } });
    const own: oauth.Client = { client_id: bound.clientId };
    const secret = oauth.ClientSecretBasic(bound.secret);
    const dpop = oauth.DPoP(own, await oauth.generateKeyPair('ES256'));
    const { tokens } = await tokensOf({ as, client: own, auth: secret, dpop, pushed: true });
    t.equal(tokens.token_type, 'dpop');
    const { sub } = oauth.getValidatedIdTokenClaims(tokens) as oauth.IDToken;
    const look = async (token: string) =>
      oauth.processUserInfoResponse(as, own, sub, await oauth.userInfoRequest(as, own, token, { DPoP: dpop }));
    t.equal((await withNonce(() => look(tokens.access_token))).sub, sub);
    const next = await withNonce(async () =>
      oauth.processRefreshTokenResponse(
        as,
        own,
        await oauth.refreshTokenGrantRequest(as, own, secret, tokens.refresh_token as string, { DPoP: dpop }),
      ),
    );
    t.equal((await withNonce(() => look(next.access_token))).sub, sub);
    const other = oauth.DPoP(own, await oauth.generateKeyPair('ES256'));
    const stolen = oauth.userInfoRequest(as, own, next.access_token, { DPoP: other });
    const answer = stolen.then((one) => oauth.processUserInfoResponse(as, own, sub, one));
    t.not(await refusal(answer), 'not refused', 'the proof of another key');
  });

  await flow('client credentials', async (t) => {
    const service = await world.client({ preset: 'service', requests: [POLLS_URI] });
    const own = { client_id: service.clientId };
    const answer = await oauth.clientCredentialsGrantRequest(as, own, oauth.ClientSecretBasic(service.secret), {});
    t.equal((await oauth.processClientCredentialsResponse(as, own, answer)).token_type, 'bearer');
  });

  await flow('public client (none)', async (t) => {
    const spa = await world.client({ preset: 'spa', redirectUris: [CALLBACK], isFirstParty: true });
    const own = { client_id: spa.clientId };
    t.ok((await tokensOf({ as, client: own, auth: oauth.None() })).tokens.id_token);
  });

  await flow('public client that names itself by Basic with an empty secret (RFC 6749 §2.3.1)', async (t) => {
    const empty =
      ({ clientId }: { clientId: string }): oauth.ClientAuth =>
      (_as, _client, _body, headers) =>
        headers.set('authorization', basic({ id: clientId, secret: '' }).authorization);
    const spa = await world.client({ preset: 'spa', redirectUris: [CALLBACK], isFirstParty: true });
    t.ok((await tokensOf({ as, client: { client_id: spa.clientId }, auth: empty(spa) })).tokens.id_token);
    const refused = tokensOf({ as, client, auth: empty(made) });
    t.equal(
      await refusal(refused),
      'server responded with a challenge in the WWW-Authenticate HTTP Header',
      'who has a secret shows it',
    );
  });

  await flow('device authorization', async (t) => {
    const device = await world.client({ preset: 'device', isFirstParty: true });
    const own = { client_id: device.clientId };
    const begun = await oauth.processDeviceAuthorizationResponse(
      as,
      own,
      await oauth.deviceAuthorizationRequest(as, own, oauth.None(), { scope: 'openid', audience: 'polls' }),
    );
    const poll = async () =>
      oauth.processDeviceCodeResponse(
        as,
        own,
        await oauth.deviceCodeGrantRequest(as, own, oauth.None(), begun.device_code),
      );
    t.equal(await refusal(poll()), 'authorization_pending');
    const browser = world.browser();
    let page = await logIn(await browser.open(begun.verification_uri_complete as string));
    if (page.document.querySelector('[name="user_code"]:not([type="hidden"])')) page = await page.submit();
    t.match(page.text, begun.user_code);
    await page.submit({}, ['decision', 'allow']);
    // The interval is to be kept (RFC 8628 §3.5): a poll before it is told to slow down.
    await new Promise((resolve) => setTimeout(resolve, ((begun.interval ?? 5) + 0.1) * 1000));
    t.ok((await poll()).id_token);
  });
});
