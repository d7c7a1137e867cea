import * as client from 'openid-client';
import { EXCHANGE, jwtClaims } from '../support/flows.ts';
import t from '../support/tap.ts';
import { fromNpm, refusal, stock } from './record.ts';
import { decide, EDITORS, goThrough, logIn, type MadeClient, POLLS_URI, startWorld } from './world.ts';

const CALLBACK = 'https://app.example/callback';
const world = await startWorld(t, { environment: { SIGNET_REGISTRATION: 'token' } });
const server = new URL(world.issuer);

/** What the documentation has one keep from the link to the callback. */
async function newAttempt() {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()];
  const parameters = {
    redirect_uri: CALLBACK,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
  };
  return { checks: { pkceCodeVerifier, expectedState, expectedNonce }, parameters };
}

/** From the link to the tokens. */
async function tokensOf(
  config: client.Configuration,
  more: Record<string, string> = {},
  options: { dpop?: client.DPoPHandle; pushed?: boolean } = {},
) {
  const browser = world.browser({ stopAt: CALLBACK });
  const { checks, parameters } = await newAttempt();
  const all = { ...parameters, scope: 'openid profile', ...more };
  const dpop = options.dpop ? { DPoP: options.dpop } : undefined;
  const url = options.pushed
    ? await client.buildAuthorizationUrlWithPAR(config, all, dpop)
    : client.buildAuthorizationUrl(config, all);
  const page = await goThrough(browser, url);
  const tokens = await client.authorizationCodeGrant(config, page.url, checks, undefined, dpop);
  return { tokens, page, browser, url };
}

const web = (more: Partial<Parameters<typeof world.client>[0]> = {}): Promise<MadeClient> =>
  world.client({ preset: 'web', redirectUris: [CALLBACK], isFirstParty: true, ...more });

await stock(fromNpm('openid-client'), async (_t, flow) => {
  const first = await web();

  await flow('authorization code, PKCE, ID token, userinfo', async (t) => {
    const config = await client.discovery(server, first.clientId, first.secret);
    t.ok(config.serverMetadata().supportsPKCE());
    const { tokens, page, browser } = await tokensOf(config, {
      scope: 'openid profile email groups',
      audience: 'polls',
    });
    t.same(page.asked, ['login'], 'a first-party client asks for nothing');
    t.equal(page.url.searchParams.get('iss'), world.issuer, 'RFC 9207');
    const claims = tokens.claims() as client.IDToken;
    t.match(claims, { iss: world.issuer, aud: first.clientId, groups: ['Poll editors'] });
    t.match(await client.fetchUserInfo(config, tokens.access_token, claims.sub), {
      preferred_username: 'alice',
      email: 'alice@example.com',
    });
    // Who is logged in is not asked again.
    const { checks, parameters } = await newAttempt();
    const again = await goThrough(browser, client.buildAuthorizationUrl(config, { ...parameters, scope: 'openid' }));
    t.same(again.asked, []);
    t.ok(await client.authorizationCodeGrant(config, again.url, checks));
  });

  await flow('scope permissions: at userinfo, and in the ID token where the client says so', async (t) => {
    const rights = { permissions: EDITORS, is_staff: false, is_superuser: false };
    for (const permissionsIn of ['userinfo', 'id_token'] as const) {
      const asking = await web({ settings: { permissionsIn } });
      const config = await client.discovery(server, asking.clientId, asking.secret);
      const { tokens } = await tokensOf(config, { scope: 'openid permissions' });
      const claims = tokens.claims() as client.IDToken;
      t.match(await client.fetchUserInfo(config, tokens.access_token, claims.sub), rights);
      if (permissionsIn === 'id_token') t.match(claims, rights);
      else t.notOk('permissions' in claims);
    }
  });

  await flow('userinfo with a token for it alone', async (t) => {
    const plain = await web({ requests: [] });
    const config = await client.discovery(server, plain.clientId, plain.secret);
    const { tokens } = await tokensOf(config, { scope: 'openid profile email' });
    const { sub } = tokens.claims() as client.IDToken;
    t.match(await client.fetchUserInfo(config, tokens.access_token, sub), {
      sub,
      preferred_username: 'alice',
      email: 'alice@example.com',
    });
  });

  await flow('refresh, introspection, revocation', async (t) => {
    const config = await client.discovery(server, first.clientId, first.secret);
    const { tokens } = await tokensOf(config, { audience: 'polls', scope: 'openid offline_access' });
    const next = await client.refreshTokenGrant(config, tokens.refresh_token as string);
    t.not(next.refresh_token, tokens.refresh_token, 'rotated');
    t.match(await client.tokenIntrospection(config, next.access_token), {
      active: true,
      username: 'alice',
      permissions: EDITORS,
    });
    await client.tokenRevocation(config, next.refresh_token as string);
    t.same(await client.tokenIntrospection(config, next.access_token), { active: false });
    t.equal(await refusal(client.refreshTokenGrant(config, next.refresh_token as string)), 'invalid_grant');
  });

  await flow('consent of a client that is not first-party: given, remembered, denied', async (t) => {
    const third = await web({ isFirstParty: false, boundary: ['polls.view_choice', 'polls.delete_choice'] });
    const config = await client.discovery(server, third.clientId, third.secret);
    const { tokens, page, browser } = await tokensOf(config, { audience: 'polls' });
    t.same(page.asked, ['login', 'consent']);
    t.match(await client.tokenIntrospection(config, tokens.access_token), {
      active: true,
      permissions: ['polls.view_choice'],
    });
    const next = await newAttempt();
    const link = client.buildAuthorizationUrl(config, {
      ...next.parameters,
      scope: 'openid profile',
      audience: 'polls',
    });
    t.same((await goThrough(browser, link)).asked, [], 'remembered');
    const bob = world.browser({ stopAt: CALLBACK });
    const denied = await decide(await logIn(await bob.open(link), 'bob'), 'deny');
    t.equal(await refusal(client.authorizationCodeGrant(config, denied.url, next.checks)), 'access_denied');
  });

  for (const [name, auth] of [
    ['client_secret_basic', client.ClientSecretBasic],
    ['client_secret_post', client.ClientSecretPost],
  ] as const)
    await flow(`client authentication by ${name}`, async (t) => {
      const config = await client.discovery(server, first.clientId, undefined, auth(first.secret));
      t.ok((await tokensOf(config)).tokens.id_token);
    });

  await flow('client authentication by private_key_jwt', async (t) => {
    const { publicKey, privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
      'sign',
      'verify',
    ]);
    const jwk = { ...(await crypto.subtle.exportKey('jwk', publicKey)), alg: 'ES256', kid: 'one' };
    const made = await web({ authMethod: 'private_key_jwt', settings: { jwks: { keys: [jwk as never] } } });
    const key = { key: privateKey, kid: 'one' };
    const config = await client.discovery(server, made.clientId, undefined, client.PrivateKeyJwt(key));
    t.ok((await tokensOf(config)).tokens.id_token);
  });

  await flow('pushed authorization request (PAR)', async (t) => {
    const pushing = await web({ settings: { requirePushed: true } });
    const config = await client.discovery(server, pushing.clientId, pushing.secret);
    const { tokens, url } = await tokensOf(config, {}, { pushed: true });
    t.same([...url.searchParams.keys()].sort(), ['client_id', 'request_uri']);
    t.ok(tokens.id_token);
  });

  await flow('DPoP-bound tokens', async (t) => {
    const bound = await web({ settings: { dpopBound: true }, requests: [] });
    const config = await client.discovery(server, bound.clientId, bound.secret);
    const dpop = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
    const { tokens } = await tokensOf(config, {}, { dpop });
    t.equal(tokens.token_type, 'dpop');
    const { sub } = tokens.claims() as client.IDToken;
    t.equal((await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP: dpop })).sub, sub);
    const next = await client.refreshTokenGrant(config, tokens.refresh_token as string, undefined, { DPoP: dpop });
    t.equal((await client.fetchUserInfo(config, next.access_token, sub, { DPoP: dpop })).sub, sub);
  });

  await flow('resource indicator', async (t) => {
    const made = await web({ requests: ['polls', POLLS_URI], serves: [POLLS_URI] });
    const config = await client.discovery(server, made.clientId, made.secret);
    const { tokens } = await tokensOf(config, { resource: `${POLLS_URI}/` });
    t.match(await client.tokenIntrospection(config, tokens.access_token), {
      active: true,
      aud: POLLS_URI,
      permissions: EDITORS,
    });
  });

  await flow('answer by form_post', async (t) => {
    const config = await client.discovery(server, first.clientId, first.secret);
    const { checks, parameters } = await newAttempt();
    const browser = world.browser({ stopAt: CALLBACK });
    const url = client.buildAuthorizationUrl(config, { ...parameters, scope: 'openid', response_mode: 'form_post' });
    const posted = await (await goThrough(browser, url)).submit();
    t.same([posted.method, posted.url.href], ['POST', CALLBACK]);
    const request = new Request(CALLBACK, { method: 'POST', body: posted.sent });
    t.ok((await client.authorizationCodeGrant(config, request, checks)).id_token);
  });

  await flow('prompt=none, prompt=login, max_age', async (t) => {
    const config = await client.discovery(server, first.clientId, first.secret);
    const { checks, parameters } = await newAttempt();
    const browser = world.browser({ stopAt: CALLBACK });
    const link = (more: Record<string, string>) =>
      client.buildAuthorizationUrl(config, { ...parameters, scope: 'openid', ...more });
    const stranger = await browser.open(link({ prompt: 'none' }));
    t.equal(await refusal(client.authorizationCodeGrant(config, stranger.url, checks)), 'login_required');
    t.same((await goThrough(browser, link({}))).asked, ['login']);
    const silent = await goThrough(browser, link({ prompt: 'none' }));
    t.ok((await client.authorizationCodeGrant(config, silent.url, checks)).id_token);
    t.same((await goThrough(browser, link({ prompt: 'login' }))).asked, ['login']);
    const aged = await goThrough(browser, link({ max_age: '3600' }));
    const tokens = await client.authorizationCodeGrant(config, aged.url, { ...checks, maxAge: 3600 });
    t.type(tokens.claims()?.auth_time, 'number');
  });

  await flow('logout (RP-initiated) with a way back', async (t) => {
    const back = 'https://app.example/bye';
    const made = await web({ settings: { postLogoutRedirectUris: [back] } });
    const config = await client.discovery(server, made.clientId, made.secret);
    const { tokens } = await tokensOf(config);
    const browser = world.browser({ stopAt: [CALLBACK, back] });
    const { checks, parameters } = await newAttempt();
    const page = await goThrough(browser, client.buildAuthorizationUrl(config, { ...parameters, scope: 'openid' }));
    const own = await client.authorizationCodeGrant(config, page.url, checks);
    const end = client.buildEndSessionUrl(config, {
      post_logout_redirect_uri: back,
      id_token_hint: own.id_token as string,
      state: 'xyz',
    });
    let bye = await browser.open(end);
    if (bye.status !== 0) bye = await bye.submit({}, ['decision', 'logout']);
    t.equal(bye.url.href, `${back}?state=xyz`);
    const silent = await browser.open(
      client.buildAuthorizationUrl(config, { ...parameters, scope: 'openid', prompt: 'none' }),
    );
    t.equal(silent.url.searchParams.get('error'), 'login_required');
    t.ok(tokens);
  });

  await flow('device authorization', async (t) => {
    const made = await world.client({ preset: 'device', isFirstParty: true });
    const config = await client.discovery(server, made.clientId, undefined, client.None());
    const device = await client.initiateDeviceAuthorization(config, { scope: 'openid profile', audience: 'polls' });
    const polling = client.pollDeviceAuthorizationGrant(config, device);
    const browser = world.browser();
    let page = await browser.open(device.verification_uri);
    if (page.url.pathname === '/login') page = await logIn(page);
    page = await page.submit({ user_code: device.user_code });
    if (page.url.pathname === '/login') page = await logIn(page);
    t.match(page.text, made.name);
    page = await page.submit({}, ['decision', 'allow']);
    t.equal(page.status, 200);
    const tokens = await polling;
    t.ok(tokens.access_token);
    t.ok(tokens.id_token);
  });

  await flow('client credentials', async (t) => {
    const service = await world.client({ preset: 'service', serves: ['polls'] });
    await world.permit(service, ['polls.view_choice']);
    const config = await client.discovery(server, service.clientId, service.secret);
    const tokens = await client.clientCredentialsGrant(config, { audience: 'polls' });
    t.match(await client.tokenIntrospection(config, tokens.access_token), {
      active: true,
      permissions: ['polls.view_choice'],
    });
  });

  await flow('token exchange', async (t) => {
    const front = await client.discovery(server, first.clientId, first.secret);
    const { tokens } = await tokensOf(front, { audience: 'polls' });
    const service = await world.client({
      preset: 'service',
      grantTypes: ['client_credentials', EXCHANGE],
      requests: ['polls', POLLS_URI],
      serves: ['polls'],
      isFirstParty: true,
    });
    const config = await client.discovery(server, service.clientId, service.secret);
    const next = await client.genericGrantRequest(config, EXCHANGE, {
      subject_token: tokens.access_token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      resource: POLLS_URI,
    });
    const { sub } = tokens.claims() as client.IDToken;
    const claims = jwtClaims(next.access_token);
    t.match(claims, { sub, aud: POLLS_URI, act: { sub: service.clientId } });
  });

  await flow('dynamic registration with an initial access token', async (t) => {
    const initialAccessToken = await world.registrationToken();
    const config = await client.dynamicClientRegistration(
      server,
      {
        client_name: 'one of its own',
        redirect_uris: [CALLBACK],
        grant_types: ['authorization_code', 'refresh_token'],
      },
      undefined,
      { initialAccessToken },
    );
    const { tokens, page } = await tokensOf(config);
    t.same(page.asked, ['login', 'consent'], 'it is a stranger');
    t.ok(tokens.id_token);
    const stranger = client.dynamicClientRegistration(server, { redirect_uris: [CALLBACK] });
    t.not(await refusal(stranger), 'not refused', 'without the token');
  });

  await flow('plain http on loopback, by allowInsecureRequests', async (t) => {
    const plain = await startWorld(t, { https: false });
    const { clientId, secret } = await plain.client({ preset: 'web', redirectUris: [CALLBACK], isFirstParty: true });
    const options = { execute: [client.allowInsecureRequests] };
    const config = await client.discovery(new URL(plain.issuer), clientId, secret, undefined, options);
    const { checks, parameters } = await newAttempt();
    const url = client.buildAuthorizationUrl(config, { ...parameters, scope: 'openid' });
    const page = await goThrough(plain.browser({ stopAt: CALLBACK }), url);
    t.ok((await client.authorizationCodeGrant(config, page.url, checks)).id_token);
  });
});
