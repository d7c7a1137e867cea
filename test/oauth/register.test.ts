import { generateKeyPairSync } from 'node:crypto';
import { AuditEntry } from '../../src/audit/index.ts';
import { clientSettings } from '../../src/oauth/client-settings/index.ts';
import { Client, createInitialToken, readAudiences, readBoundary, revokeInitialToken } from '../../src/oauth/index.ts';
import { useInitialToken } from '../../src/oauth/register/initial-tokens.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { assertionParameters, type ClientKey, clientKey, makeAssertion } from '../support/client-keys.ts';
import { onEachEngine } from '../support/database.ts';
import { CALLBACK } from '../support/flows.ts';
import { bearer } from '../support/http.ts';
import { audit } from '../support/server.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';

const PATH = '/oauth2/register';
async function registerWorld(db: Database, environment: Record<string, string> = {}) {
  const world = await openWorld(db, { environment: { SIGNET_REGISTRATION: 'token', ...environment } });
  let made = 0;
  const token = async (more: Partial<Parameters<typeof createInitialToken>[2]> = {}) => {
    const given = { label: `token ${++made} of ${Math.random()}`, apis: [], uses: 1, days: 1, ...more };
    return (await createInitialToken(db.fork(), world.at(), given)).secret;
  };
  const send = (metadata: unknown, token?: string, headers: Record<string, string> = {}) =>
    world.http.json(PATH, metadata, { ...(token === undefined ? {} : bearer(token)), ...headers });
  const register = async (metadata: object) => send({ redirect_uris: [CALLBACK], ...metadata }, await token());
  return { ...world, token, send, register };
}

t.test('dynamic registration', (t) =>
  onEachEngine(t, async (t, db) => {
    const s = await registerWorld(db);
    const polls = await s.api('polls');
    const findClient = (answer: { json(): { client_id: string } }) =>
      db.fork().findOneOrFail(Client, { clientId: answer.json().client_id });

    await t.test(
      'docs/oauth.md, RFC 7591 §3: off by default: the endpoint says so, and discovery does not name it',
      async (t) => {
        const { app, http } = await openWorld(db, { clock: s.clock });
        const answer = await http.json(PATH, { redirect_uris: [CALLBACK] }, bearer(await s.token()));
        t.same([answer.statusCode, answer.json().error], [403, 'access_denied']);
        t.match(answer.json().error_description, /SIGNET_REGISTRATION/);
        const find = async (from: typeof app) => (await from.inject('/.well-known/openid-configuration')).json();
        t.notOk('registration_endpoint' in (await find(app)));
        t.equal((await find(s.app)).registration_endpoint, `${s.issuer}${PATH}`, 'RFC 8414 §2 (M4)');
      },
    );

    await t.test(
      'RFC 7591 §3.2.1: 201 with the client, its secret this once, and all that is registered',
      async (t) => {
        const before = await db.fork().count(Client);
        const answer = await s.send(
          {
            redirect_uris: [CALLBACK],
            client_name: 'Own Words',
            client_uri: 'https://app.example',
            contacts: ['ops@app.example'],
            software_id: 'own-words',
            scope: 'openid profile nonsense',
            default_max_age: 300,
            post_logout_redirect_uris: ['https://app.example/bye'],
            something_else: { that: 'nobody knows' },
          },
          await s.token({ label: 'For one', apis: [polls] }),
        );
        t.equal(answer.statusCode, 201, answer.body);
        t.match(answer.headers, { 'cache-control': 'no-store', pragma: 'no-cache' });
        const { client_id, client_secret, ...rest } = answer.json();
        t.match(client_id, /^c_[\w-]{22}$/);
        t.match(client_secret, /^[\w-]{43}$/);
        t.same(rest, {
          client_id_issued_at: Math.floor(s.clock.now().getTime() / 1000),
          client_secret_expires_at: 0,
          client_name: 'Own Words',
          redirect_uris: [CALLBACK],
          grant_types: ['authorization_code'],
          response_types: ['code'],
          token_endpoint_auth_method: 'client_secret_basic',
          application_type: 'web',
          scope: 'openid profile',
          id_token_signed_response_alg: 'RS256',
          require_pushed_authorization_requests: false,
          dpop_bound_access_tokens: false,
          default_max_age: 300,
          post_logout_redirect_uris: ['https://app.example/bye'],
          backchannel_logout_session_required: true,
          client_uri: 'https://app.example',
          contacts: ['ops@app.example'],
          software_id: 'own-words',
        });
        t.equal(await db.fork().count(Client), before + 1);
        const client = await findClient(answer);
        t.match(client, { isDynamic: true, isFirstParty: false, isActive: true, preset: 'web' });
        t.same(await readBoundary(db.fork(), client), {}, 'docs/oauth.md: its boundary is empty');
        t.same(await readAudiences(db.fork(), client.id), { requests: ['polls'], serves: [] }, 'the APIs of its token');
        const [entry] = await db.fork().find(AuditEntry, { objectId: client.id });
        t.match(entry, { action: 'add', actorKind: 'anonymous', actorLabel: 'registration token For one' });
        t.notMatch(JSON.stringify(entry), client_secret);
        const caller = { id: client_id, secret: client_secret };
        const token = await s.http.oauth('token', { grant_type: 'client_credentials' }, caller);
        t.equal(token.json().error, 'unauthorized_client', 'its secret is right; it may what it registered for');
      },
    );

    await t.test(
      'RFC 6750 §3.1 (B1), RFC 7591 §3: no token, a wrong one, one that is over: 401, before anything else is told',
      async (t) => {
        const isRefused = async (answer: ReturnType<typeof s.send>, challenge: RegExp) => {
          const { statusCode, headers, body } = await answer;
          t.same([statusCode, JSON.parse(body).error], [401, 'invalid_token']);
          t.match(headers['www-authenticate'], challenge);
        };
        const good = { redirect_uris: [CALLBACK] };
        await isRefused(s.send(good), /^Bearer realm="signet"$/);
        for (const bearer of ['x', 'A'.repeat(43), `${await s.token()}x`])
          await isRefused(s.send({ redirect_uris: 7 }, bearer), /error="invalid_token"/);
        const basic = { authorization: `Basic ${Buffer.from(await s.token()).toString('base64')}` };
        await isRefused(s.send(good, undefined, basic), /error="invalid_token"/);
        const late = await s.token({ days: 1 });
        s.clock.pass(86_400);
        await isRefused(s.send(good, late), /error="invalid_token"/);
        const revoked = await s.token({ label: 'Taken back' });
        await revokeInitialToken(db.fork(), audit(), 'Taken back');
        await isRefused(s.send(good, revoked), /error="invalid_token"/);
      },
    );

    await t.test('RFC 7591 §3: a token registers as many as it says; a refused request costs it nothing', async (t) => {
      const bearer = await s.token({ uses: 2 });
      for (const wrong of [{ redirect_uris: ['x'] }, { redirect_uris: [CALLBACK], grant_types: ['password'] }])
        t.equal((await s.send(wrong, bearer)).statusCode, 400);
      const statuses = async (count: number) =>
        (await Promise.all(Array.from({ length: count }, () => s.send({ redirect_uris: [CALLBACK] }, bearer))))
          .map((one) => one.statusCode)
          .sort();
      t.same(await statuses(8), [201, 201, 401, 401, 401, 401, 401, 401]);
      const once = await s.token();
      const used = await Promise.all(
        Array.from({ length: 8 }, () => db.fork().transactional((tx) => useInitialToken(tx, once, s.clock.now()))),
      );
      t.equal(used.filter((one) => one !== null).length, 1, 'one statement takes the last use');
    });

    await t.test(
      'RFC 7591 §2 (A3), attacks 37: redirect URIs that no client may have are invalid_redirect_uri',
      async (t) => {
        for (const uris of [
          [],
          undefined,
          'https://app.example/cb',
          [7],
          [''],
          ['http://app.example/cb'],
          ['https://app.example/cb#x'],
          ['javascript:alert(1)'],
          ['data:text/html,x'],
          ['myapp:/cb'],
          ['http://localhost.evil.example/cb'],
          [CALLBACK, 'https://u:p@app.example/cb'],
        ]) {
          const answer = await s.register({ redirect_uris: uris });
          t.same([answer.statusCode, answer.json().error], [400, 'invalid_redirect_uri'], JSON.stringify(uris));
        }
      },
    );

    await t.test(
      'RFC 7591 §2.1, §3.2.2, RFC 8725 §3.2 (T5, M5), attacks 75: what no client may be is invalid_client_metadata',
      async (t) => {
        const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
        const jwks = { keys: [publicKey.export({ format: 'jwk' })] };
        const odd: object[] = [
          { token_endpoint_auth_method: 'client_secret_jwt' },
          { token_endpoint_auth_method: 'tls_client_auth' },
          { token_endpoint_auth_method: 'private_key_jwt' },
          { token_endpoint_auth_method: 'private_key_jwt', jwks, jwks_uri: 'https://app.example/jwks' },
          { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [privateKey.export({ format: 'jwk' })] } },
          { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } },
          { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'http://169.254.169.254/latest' },
          { token_endpoint_auth_signing_alg: 'HS256' },
          { token_endpoint_auth_signing_alg: 'none' },
          { token_endpoint_auth_signing_alg: 'ES384' },
          { token_endpoint_auth_method: 'private_key_jwt', jwks, token_endpoint_auth_signing_alg: 'PS256' },
          { token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'client_credentials'] },
          { grant_types: ['implicit'] },
          { grant_types: ['password'] },
          { grant_types: ['urn:ietf:params:oauth:grant-type:token-exchange'] },
          { grant_types: 'authorization_code' },
          { response_types: ['code', 'token'] },
          { response_types: ['code'], grant_types: ['client_credentials'] },
          { response_types: [], grant_types: ['authorization_code'] },
          { application_type: 'desktop' },
          { id_token_signed_response_alg: 'none' },
          { id_token_signed_response_alg: 'HS256' },
          { userinfo_signed_response_alg: 'HS512' },
          { client_uri: 'javascript:alert(1)' },
          { logo_uri: 'data:image/svg+xml,x' },
          { tos_uri: 'http://app.example/tos' },
          { policy_uri: 'x' },
          { backchannel_logout_uri: 'ftp://app.example' },
          { backchannel_logout_session_required: 'true' },
          { post_logout_redirect_uris: ['http://app.example'] },
          { default_max_age: '300' },
          { default_max_age: -1 },
          { client_name: 'c_looks-like-an-id' },
          { client_name: ' ' },
          { client_name: 'right\u202eleft' },
          { client_name: null },
          { contacts: 'ops@app.example' },
          { scope: ['openid'] },
          { dpop_bound_access_tokens: 1 },
          { jwks: [] },
        ];
        const before = await db.fork().count(Client);
        for (const one of odd) {
          const answer = await s.register(one);
          const said = JSON.stringify(one).slice(0, 100);
          t.same([answer.statusCode, answer.json().error], [400, 'invalid_client_metadata'], said);
          t.notMatch(answer.json().error_description, /--/, 'in the words of the protocol');
        }
        t.equal(await db.fork().count(Client), before, 'nothing was registered');
      },
    );

    await t.test(
      'OIDC Registration §2 (T5): token_endpoint_auth_signing_alg is answered, and no other algorithm is taken',
      async (t) => {
        const key = await clientKey('PS256');
        const answer = await s.register({
          token_endpoint_auth_method: 'private_key_jwt',
          token_endpoint_auth_signing_alg: 'PS256',
          jwks: { keys: [key.jwk] },
        });
        t.match(answer.json(), { token_endpoint_auth_signing_alg: 'PS256' }, answer.body);
        const { client_id: id } = answer.json();
        const ask = async (by: ClientKey) => {
          const assertion = await makeAssertion(by, id, { audience: s.issuer, now: s.clock.now() });
          const fields = { grant_type: 'client_credentials', ...assertionParameters(assertion) };
          return (await s.http.form('/oauth2/token', fields)).json().error;
        };
        t.equal(await ask(key), 'unauthorized_client', 'its key is right; it may what it registered for');
        t.equal(await ask({ ...key, alg: 'RS256' }), 'invalid_client');
      },
    );

    await t.test('docs/permissions.md: no client makes itself first-party, or gives itself a boundary', async (t) => {
      const own = {
        is_first_party: true,
        isFirstParty: true,
        boundary: ['polls.add_choice'],
        requests: ['signet'],
        preset: 'service',
      };
      const client = await findClient(await s.register({ ...own, client_id: 'c_mine', settings: { pkce: 'off' } }));
      t.match(client, { isFirstParty: false, isDynamic: true, preset: 'web', settings: {} });
      t.not(client.clientId, 'c_mine');
      t.same(await readAudiences(db.fork(), client.id), { requests: [], serves: [] });
      t.same(await readBoundary(db.fork(), client), {});
    });

    await t.test('RFC 7591 §2, RFC 8252 §7: what kind of program it is follows from what it says', async (t) => {
      const code = ['authorization_code', 'refresh_token'];
      const none = { token_endpoint_auth_method: 'none' };
      for (const [metadata, preset, application_type] of [
        [none, 'spa', 'web'],
        [{}, 'web', 'web'],
        [{ ...none, application_type: 'native', redirect_uris: ['com.example.app:/cb'] }, 'native', 'native'],
        [{ ...none, redirect_uris: ['com.example.app:/cb'] }, 'native', 'native'],
        [{ ...none, redirect_uris: ['http://localhost:33418/callback'], grant_types: code }, 'mcp', 'native'],
        [{ grant_types: ['client_credentials'], redirect_uris: [] }, 'service', 'web'],
        [
          { ...none, grant_types: ['urn:ietf:params:oauth:grant-type:device_code'], redirect_uris: [] },
          'device',
          'native',
        ],
      ] as const) {
        const answer = await s.register(metadata);
        t.equal(answer.statusCode, 201, answer.body);
        t.match(await findClient(answer), { preset });
        t.match(answer.json(), { application_type });
        t.equal('client_secret' in answer.json(), !('token_endpoint_auth_method' in metadata));
      }
      const remote = await registerWorld(db, { SIGNET_ISSUER: 'https://id.example' });
      const loopback = { redirect_uris: ['http://localhost/cb'], ...none };
      const tried = async (more: object) => (await remote.register({ ...loopback, ...more })).json();
      t.match(await tried({ application_type: 'web' }), { error: 'invalid_redirect_uri' });
      t.match(await tried({}), { application_type: 'native' });
    });

    await t.test(
      'OIDC Registration §2 (M5): the key of an algorithm is there with the first client that asks for it',
      async (t) => {
        const published = async () =>
          (await s.app.inject('/.well-known/jwks.json')).json().keys.map((one: { alg: string }) => one.alg);
        t.same(await published(), ['RS256']);
        const answer = await s.register({
          id_token_signed_response_alg: 'ES256',
          userinfo_signed_response_alg: 'ES256',
        });
        t.match(answer.json(), { id_token_signed_response_alg: 'ES256', userinfo_signed_response_alg: 'ES256' });
        t.match(clientSettings(await findClient(answer)), { idTokenAlg: 'ES256', userinfoAlg: 'ES256' });
        t.same(await published(), ['RS256', 'ES256']);
      },
    );

    await t.test(
      'docs/login-api.md, attacks 45: JSON and nothing else; unreadable bodies are invalid_request',
      async (t) => {
        const bearer = await s.token();
        for (const [payload, type, status] of [
          ['{', 'application/json', 400],
          ['{"redirect_uris":[],"redirect_uris":[]}', 'application/json', 400],
          ['redirect_uris=x', 'application/x-www-form-urlencoded', 415],
          ['{}', 'text/plain', 415],
          [JSON.stringify({ client_name: 'x'.repeat(70_000) }), 'application/json', 413],
        ] as const) {
          const answer = await s.send(payload, bearer, { 'content-type': type });
          t.same([answer.statusCode, answer.json().error], [status, 'invalid_request'], type);
        }
        for (const payload of ['null', '[]', '"x"', '7']) {
          const answer = await s.send(payload, bearer);
          t.same([answer.statusCode, answer.json().error], [400, 'invalid_client_metadata'], payload);
        }
      },
    );

    await t.test('RFC 7591 §3: pages of any origin may register with a token, and no cookie helps them', async (t) => {
      const asked = await s.app.inject({
        method: 'OPTIONS',
        url: PATH,
        headers: { origin: 'https://any.example', 'access-control-request-method': 'POST' },
      });
      t.equal(asked.statusCode, 204);
      t.match(asked.headers, { 'access-control-allow-origin': '*', 'access-control-allow-methods': /POST/ });
      const answer = await s.send({ redirect_uris: [CALLBACK] }, await s.token(), {
        origin: 'https://any.example',
        'sec-fetch-site': 'cross-site',
      });
      t.equal(answer.statusCode, 201);
      t.equal(answer.headers['access-control-allow-origin'], '*');
      t.equal(answer.headers['access-control-allow-credentials'], undefined);
      const read = await s.app.inject({ url: PATH });
      t.same([read.statusCode, read.headers['allow']], [405, 'OPTIONS, POST'], 'RFC 7592 is not offered');
    });

    await t.test('docs/permissions.md: an API of the token that is gone meanwhile is left out', async (t) => {
      const gone = await s.api('short-lived');
      const bearer = await s.token({ apis: [polls, gone] });
      await db.fork().nativeDelete(Object.getPrototypeOf(gone).constructor, { id: gone.id });
      const client = await findClient(await s.send({ redirect_uris: [CALLBACK] }, bearer));
      t.same(await readAudiences(db.fork(), client.id), { requests: ['polls'], serves: [] });
    });
  }),
);
