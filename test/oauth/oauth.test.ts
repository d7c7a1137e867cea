import { createHash } from 'node:crypto';
import { AuditEntry } from '../../src/audit/index.ts';
import { ClientSecret, createClient, deleteClient, getClient, rotateSecret } from '../../src/oauth/index.ts';
import { updateApi } from '../../src/permissions/index.ts';
import { RevokedToken, verifyAccessToken } from '../../src/tokens/index.ts';
import { User } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import { CALLBACK } from '../support/flows.ts';
import { basic, type ClientCredentials, type Fields, type Headers } from '../support/http.ts';
import { audit, ISSUER, startApp } from '../support/server.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';

await onEachEngine(t, async (t, db) => {
  const s = await openWorld(db);
  const { clock, keys, http, at } = s;
  const { hasPerm } = http;
  const polls = await s.api('polls', { models: ['polls.choice'] });
  const shop = await s.api('https://shop.example/api', { models: ['polls.choice'] });
  const worker = await s.client('Worker', { requests: [polls] });
  const both = await s.client('Both', { requests: [polls, shop] });
  const server = await s.client('Resource server', { serves: [polls] });
  const stranger = await s.client('Stranger', { requests: [shop], serves: [shop] });
  const open = await s.client('Public', { preset: 'spa', requests: [polls], redirectUris: [CALLBACK] });
  await s.assign(worker, polls, 'polls.view_choice');

  const post = (endpoint: string, fields: Fields | string, headers: Headers = {}) =>
    http.form(`/oauth2/${endpoint}`, fields, headers);
  const token = (who: ClientCredentials, fields: Fields = {}) =>
    post('token', { grant_type: 'client_credentials', ...fields }, basic(who));
  const introspect = async (who: ClientCredentials, token: string, more: Fields = {}) =>
    (await post('introspect', { token, ...more }, basic(who))).json();

  await t.test(
    'RFC 6749 §4.4 (T10): a client asks for itself; sub = client_id, no user, no session, no refresh token',
    async (t) => {
      const response = await token(worker);
      t.equal(response.statusCode, 200);
      t.match(
        response.headers,
        { 'cache-control': 'no-store', pragma: 'no-cache', 'content-type': /^application\/json/ },
        'T2',
      );
      const { access_token, ...rest } = response.json();
      t.same(rest, { token_type: 'Bearer', expires_in: 600 });
      const { iat, exp, jti, status, ...claims } = verifyAccessToken(
        keys,
        ISSUER,
        access_token,
        clock.now(),
      ) as never as Record<string, unknown>;
      t.same(claims, {
        iss: ISSUER,
        sub: worker.id,
        aud: 'polls',
        client_id: worker.id,
        is_staff: false,
        is_superuser: false,
        permissions: ['polls.view_choice'],
      });
      t.equal(
        (await hasPerm(access_token, ['polls.view_choice', 'polls.add_choice'])).body,
        '{"results":{"polls.view_choice":true,"polls.add_choice":false},"modules":{}}',
      );
      t.equal(await db.fork().count(AuditEntry, { actorId: worker.principal }), 0, 'issuing writes no rows');
    },
  );

  await t.test(
    'RFC 6749 §2.3.1 (T4): client_secret_basic and client_secret_post for the same client, values form-decoded',
    async (t) => {
      t.equal((await token(worker)).statusCode, 200);
      const form = { grant_type: 'client_credentials', client_id: worker.id, client_secret: worker.secret };
      t.equal((await post('token', form)).statusCode, 200);
      const encoded = `${worker.id.replace(/_/g, '%5F')}:${worker.secret.replace(/-/g, '%2D')}`;
      t.equal(
        (
          await post('token', 'grant_type=client_credentials', {
            authorization: `basic ${Buffer.from(encoded).toString('base64')}`,
          })
        ).statusCode,
        200,
      );
      t.equal(
        (await post('token', { grant_type: 'client_credentials', client_id: worker.id }, basic(worker))).statusCode,
        200,
        'the same id in the form is no second method',
      );
    },
  );

  await t.test('T4: one method a request; two are invalid_request', async (t) => {
    const two = await post(
      'token',
      { grant_type: 'client_credentials', client_id: worker.id, client_secret: worker.secret },
      basic(worker),
    );
    t.same([two.statusCode, two.json().error], [400, 'invalid_request']);
    const other = await post('token', { grant_type: 'client_credentials', client_id: both.id }, basic(worker));
    t.equal(other.json().error, 'invalid_request', 'another id in the form');
  });

  await t.test(
    'T3, T4: unknown client, wrong secret, disabled client, malformed Basic: one 401 invalid_client with the challenge',
    async (t) => {
      const disabled = await s.client('Disabled', { requests: [polls] });
      await s.updateClient(disabled, { isActive: false });
      const raw = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
      const answers = new Set<string>();
      for (const [what, headers] of Object.entries({
        'wrong secret': raw(`${worker.id}:wrong`),
        'unknown client': raw('c_unknown:wrong'),
        'disabled client': basic(disabled),
        "another client's secret": raw(`${worker.id}:${both.secret}`),
        'the digest of the secret': raw(`${worker.id}:${createHash('sha256').update(worker.secret).digest('hex')}`),
        'an empty secret': raw(`${worker.id}:`),
        'no colon': raw(worker.id),
        'nothing before the colon': raw(`:${worker.secret}`),
        'no base64': { authorization: 'Basic !!!' },
        'broken base64': { authorization: `${raw(`${worker.id}:${worker.secret}`).authorization}=A` },
        'broken escapes': raw(`${worker.id}:%zz`),
        NUL: raw(`${worker.id}:a%00b`),
        'invalid UTF-8': { authorization: `Basic ${Buffer.from([0x61, 0x3a, 0xff]).toString('base64')}` },
        'another scheme': { authorization: `Bearer ${worker.secret}` },
        'a public client with a secret': raw(`${open.id}:x`),
      })) {
        const response = await post('token', 'grant_type=client_credentials', headers);
        t.equal(response.statusCode, 401, what);
        t.equal(response.headers['www-authenticate'], 'Basic realm="signet", charset="UTF-8"', what);
        answers.add(response.body);
      }
      t.equal(answers.size, 1, 'they cannot be told apart');
      const inForm = await post('token', {
        grant_type: 'client_credentials',
        client_id: worker.id,
        client_secret: 'wrong',
      });
      t.same(
        [inForm.statusCode, inForm.headers['www-authenticate'], inForm.json().error],
        [401, undefined, 'invalid_client'],
      );
      t.equal((await post('token', 'grant_type=client_credentials')).statusCode, 401, 'nobody');
    },
  );

  await t.test(
    'RFC 6749 §3.2, §5.2 (T1, T2, T3, T8): forms only, each name once, query ignored; errors exactly so',
    async (t) => {
      const error = async (form: string, headers: Record<string, string> = {}, path = 'token') => {
        const response = await post(path, form, { ...basic(worker), ...headers });
        t.match(response.headers, { 'cache-control': 'no-store', pragma: 'no-cache' }, `${form}: no-store`);
        return [response.statusCode, response.json().error];
      };
      t.same(await error(''), [400, 'invalid_request'], 'no grant_type');
      t.same(await error('grant_type='), [400, 'invalid_request'], 'an empty value is absent');
      t.same(
        await error('grant_type=password&username=a&password=b'),
        [400, 'unsupported_grant_type'],
        'T8: RFC 9700 §2.4',
      );
      t.same(
        await error('grant_type=client_credentials&grant_type=client_credentials'),
        [400, 'invalid_request'],
        'attacks 49',
      );
      t.same(await error('grant_type=client_credentials&audience=polls&audience=polls'), [400, 'invalid_request']);
      t.same(
        await error('grant_type=client_credentials', {}, 'token?grant_type=client_credentials'),
        [400, 'invalid_request'],
        'once in the query, once in the form',
      );
      t.same(
        await error('', {}, 'token?grant_type=client_credentials'),
        [400, 'invalid_request'],
        'the query is no form',
      );
      t.same(
        await error('grant_type=client_credentials&nonsense=1&a[]=2'),
        [200, undefined],
        'unknown parameters are ignored',
      );
      t.same(await error('{"grant_type":"client_credentials"}', { 'content-type': 'application/json' }), [
        415,
        'invalid_request',
      ]);
      t.same(await error('grant_type=client_credentials', { 'content-type': 'text/plain' }), [415, 'invalid_request']);
      t.same(await error('grant_type=%ff'), [400, 'invalid_request']);
      t.same(await error('grant_type=a%00b'), [400, 'invalid_request']);
      t.same(await error(`grant_type=${'x'.repeat(70_000)}`), [413, 'invalid_request']);
      for (const path of ['token', 'introspect', 'revoke']) {
        const wrong = await s.app.inject({ method: 'GET', url: `/oauth2/${path}`, headers: basic(worker) });
        t.same([wrong.statusCode, wrong.headers['allow']], [405, 'OPTIONS, POST'], path);
      }
      for (const path of ['token', 'introspect', 'revoke', 'par', 'device_authorization', 'userinfo']) {
        const wrong = await s.app.inject({ method: 'PUT', url: `/oauth2/${path}` });
        t.same(wrong.json(), {
          error: 'invalid_request',
          error_description: `Use ${wrong.headers['allow']}.`,
        });
        t.match(wrong.headers, {
          'content-type': /^application\/json/,
          'cache-control': 'no-store',
          pragma: 'no-cache',
        });
        t.equal(wrong.statusCode, 405, path);
      }
      const described = (await post('token', 'grant_type=a"b\\é', basic(worker))).json().error_description;
      t.match(described, /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/, 'ASCII without quotes and backslash');
    },
  );

  await t.test('T8, T10: a grant that is not for this client is unauthorized_client', async (t) => {
    const response = await post('token', { grant_type: 'client_credentials', client_id: open.id });
    t.same([response.statusCode, response.json().error], [400, 'unauthorized_client']);
  });

  await t.test("T11, RFC 8707: the API asked for, else the client's only one, else invalid_target", async (t) => {
    const aud = async (who: ClientCredentials, form: Record<string, string> = {}) => {
      const { access_token, error } = (await token(who, form)).json();
      return error ?? verifyAccessToken(keys, ISSUER, access_token, clock.now())?.aud;
    };
    t.equal(await aud(worker), 'polls', 'the only one');
    t.equal(await aud(both), 'invalid_target', 'one of several has to be named');
    t.equal(await aud(both, { audience: 'polls' }), 'polls');
    t.equal(await aud(both, { audience: 'https://shop.example/api' }), 'https://shop.example/api');
    t.equal(await aud(both, { resource: 'https://shop.example/api' }), 'https://shop.example/api');
    t.equal(
      await aud(both, { resource: 'https://shop.example/api/' }),
      'https://shop.example/api',
      'a trailing slash is forgiven',
    );
    t.equal(await aud(both, { resource: 'polls' }), 'invalid_target', 'resource takes absolute URIs');
    t.equal(await aud(both, { resource: 'https://shop.example/api#x' }), 'invalid_target');
    t.equal(
      await aud(both, { resource: 'https://shop.example/api', audience: 'polls' }),
      'invalid_target',
      'a token is for one',
    );
    t.equal(
      await aud(both, { resource: 'https://shop.example/api', audience: 'https://shop.example/api' }),
      'https://shop.example/api',
    );
    t.equal(await aud(worker, { audience: 'https://shop.example/api' }), 'invalid_target', 'not registered for it');
    t.equal(await aud(worker, { audience: 'nowhere' }), 'invalid_target');
    t.equal(
      await aud(worker, { audience: ISSUER }),
      'invalid_target',
      "docs/permissions.md: Signet's own API only for clients registered for it",
    );
    t.equal(await aud(stranger), 'https://shop.example/api');
    t.equal(await aud(server), 'invalid_target', 'serving is not asking');
  });

  await t.test(
    'docs/tokens.md: over the budget is invalid_target with the remedy, decided before signing',
    async (t) => {
      const codenames = Array.from({ length: 60 }, (_, i) => `do_thing_number_${i}`);
      const permissions = codenames.map((codename) => ({ app: 'big', codename, label: 'x' }));
      const big = await s.api('big', { budgetBytes: 1024, overBudget: 'fail', permissions });
      const heavy = await s.client('Heavy', { requests: [big] });
      await s.assign(heavy, big, ...codenames.map((one) => `big.${one}`));
      const response = await token(heavy);
      t.same([response.statusCode, response.json().error], [400, 'invalid_target']);
      t.match(response.json().error_description, /60 permissions.*budget.*1024.*Raise it/);
    },
  );

  await t.test('RFC 7662 §2.2 (I2): the active answer, with the rights of now', async (t) => {
    const { access_token } = (await token(worker)).json();
    const { exp, iat, jti, ...rest } = await introspect(server, access_token);
    t.same(rest, {
      active: true,
      client_id: worker.id,
      token_type: 'Bearer',
      sub: worker.id,
      aud: 'polls',
      iss: ISSUER,
      permissions: ['polls.view_choice'],
      groups: [],
      is_staff: false,
      is_superuser: false,
    });
    t.equal(exp - iat, 600);
    t.match(jti, /^[0-9a-f-]{36}$/);
    await s.assign(worker, polls, 'polls.add_choice');
    t.same((await introspect(server, access_token)).permissions, ['polls.add_choice', 'polls.view_choice']);
    t.same(
      (await introspect(worker, access_token, { token_type_hint: 'refresh_token' })).active,
      true,
      'a hint is only a hint; the client sees its own',
    );
  });

  await t.test(
    'I1, I2: who may not see a token, and every token that is not active, get {"active":false} and nothing more',
    async (t) => {
      const { access_token } = (await token(worker)).json();
      const inactive = { active: false };
      t.same(await introspect(stranger, access_token), inactive, 'neither its own nor of an API that it serves');
      for (const text of [
        'x',
        'a.b.c',
        `${access_token}x`,
        access_token.slice(0, -2),
        'x'.repeat(9000),
        '\u00e9',
        worker.secret,
      ])
        t.same(await introspect(server, text), inactive, text.slice(0, 20));
      clock.pass(600);
      t.same(await introspect(server, access_token), inactive, 'expired');
      const fresh = (await token(worker)).json().access_token;
      t.equal((await introspect(server, fresh)).active, true);
      const later = (await token(worker)).json().access_token;
      await s.updateClient(worker, { isActive: false });
      t.same(await introspect(server, fresh), inactive, 'attacks 79: its client was disabled');
      t.equal((await hasPerm(fresh, [])).statusCode, 401);
      await s.updateClient(worker, { isActive: true });
      t.same(await introspect(server, later), inactive, '§6: a status never goes back');
      t.equal((await introspect(server, (await token(worker)).json().access_token)).active, true);
      const gone = await s.client('Gone', { requests: [polls] });
      const orphan = (await token(gone)).json().access_token;
      await deleteClient(db.fork(), at(), await getClient(db.fork(), gone.id));
      t.same(await introspect(server, orphan), inactive, 'its client was deleted');
    },
  );

  await t.test('RFC 7662 §2.1 (I1): the caller is authenticated first; a public client may not ask', async (t) => {
    for (const [form, headers] of [
      [{ token: 'x' }, {}],
      [{ token: 'x', client_id: open.id }, {}],
      [{ token: 'x' }, { authorization: 'Bearer x' }],
      [{}, {}],
    ] as const)
      t.equal((await post('introspect', form, headers)).statusCode, 401);
    t.same((await post('introspect', {}, basic(server))).json().error, 'invalid_request', 'then the token is missed');
  });

  await t.test(
    "docs/oauth.md: a user's token at introspection: username by the API's switch, groups, flags; dead with its session",
    async (t) => {
      const alice = await s.user('alice');
      await s.group('Editors', alice);
      const first = await http.logIn('alice', { audience: 'polls' });
      const text = first.token;
      const seen = await introspect(server, text);
      t.match(seen, {
        active: true,
        client_id: 'signet',
        username: 'alice',
        sub: alice.id,
        sid: first.sid,
        groups: ['Editors'],
        permissions: [],
      });
      t.same(await introspect(worker, text), { active: false }, 'not issued to it, not served by it');
      await updateApi(db.fork(), at(), polls, { withUsername: false });
      t.notOk('username' in (await introspect(server, text)));
      await db.fork().nativeUpdate(User, { id: alice.id }, { isActive: false });
      t.same(await introspect(server, text), { active: false }, 'inactive user');
      await db.fork().nativeUpdate(User, { id: alice.id }, { isActive: true });
      t.equal((await introspect(server, text)).active, true);
      await http.as(first).post('/api/v1/logout');
      t.same(await introspect(server, text), { active: false }, 'logged out');
    },
  );

  await t.test(
    'RFC 7009 §2.1 (R1): only the client that a token was issued to revokes it; everything else is 200 and nothing happens',
    async (t) => {
      const { access_token } = (await token(worker)).json();
      const revoke = async (who: ClientCredentials, text: string, more: Record<string, string> = {}) =>
        (await post('revoke', { token: text, ...more }, basic(who))).statusCode;
      const before = await db.fork().count(RevokedToken, {});
      t.equal(await revoke(server, access_token), 200, "another client's token, though it may see it");
      for (const text of ['x', 'a.b.c', `${access_token}x`, worker.secret]) t.equal(await revoke(worker, text), 200);
      t.equal(await db.fork().count(RevokedToken, {}), before);
      t.equal((await introspect(server, access_token)).active, true, 'unharmed');
      t.equal(await revoke(worker, access_token, { token_type_hint: 'refresh_token' }), 200);
      t.same(await introspect(server, access_token), { active: false });
      t.equal((await hasPerm(access_token, [])).statusCode, 401);
      t.equal(await revoke(worker, access_token), 200, 'twice is no error');
      t.equal(await db.fork().count(RevokedToken, {}), before + 1);
      t.same((await post('revoke', {}, basic(worker))).json().error, 'invalid_request');
      t.equal((await post('revoke', { token: access_token })).statusCode, 401, 'nobody');
      t.equal(
        (await post('revoke', { token: access_token, client_id: open.id })).statusCode,
        200,
        'RFC 7009 §2.1: a public client names itself',
      );
      clock.pass(600);
      const other = (await token(worker)).json().access_token;
      t.equal((await introspect(server, other)).active, true, 'its siblings live');
    },
  );

  await t.test(
    'docs/commands.md: two secrets are good at once; rotation ends the oldest, --now ends all before it',
    async (t) => {
      const made = await s.client('Rotating', { requests: [polls] });
      const client = await getClient(db.fork(), made.id);
      const good = async (secret: string) => (await token({ ...made, secret })).statusCode === 200;
      const rotate = async (now = false) => {
        clock.pass(1);
        return rotateSecret(db.fork(), at(), client, { now });
      };
      const one = made.secret;
      const two = await rotate();
      t.same([await good(one), await good(two)], [true, true]);
      const three = await rotate();
      t.same([await good(one), await good(two), await good(three)], [false, true, true]);
      clock.pass(86_401);
      t.same([await good(two), await good(three)], [false, true], 'the overlap is a day');
      const four = await rotate(true);
      t.same([await good(three), await good(four)], [false, true]);
      const rows = await db.fork().find(ClientSecret, { client: made.principal });
      t.ok(
        rows.every((row) => !Buffer.from(row.digest).toString('latin1').includes(four)),
        'only digests are stored',
      );
      await Promise.all(Array.from({ length: 6 }, () => rotateSecret(db.fork(), at(), client)));
      t.ok(
        (await db.fork().count(ClientSecret, { client: made.principal })) <= 2,
        'six simultaneous rotations leave two',
      );
      await t.rejects(rotateSecret(db.fork(), audit(), await getClient(db.fork(), open.id)), {
        code: 'client_without_secret',
        params: { authMethod: 'none' },
      });
      const entries = await db.fork().find(AuditEntry, { objectId: made.principal });
      t.notMatch(JSON.stringify(entries), new RegExp(`${four}|${three}`), 'the edit log holds no secret');
    },
  );

  await t.test(
    'clients: names are one in every spelling, redirect URIs are checked, ids are never audiences',
    async (t) => {
      await t.rejects(createClient(db.fork(), audit(), { name: 'WORKER', preset: 'service' }), {
        code: 'client_exists',
        params: { name: 'WORKER' },
      });
      t.equal((await getClient(db.fork(), 'worker')).clientId, worker.id);
      t.equal((await getClient(db.fork(), worker.id)).name, 'Worker');
      await t.rejects(getClient(db.fork(), 'Workr'), {
        code: 'client_not_found',
        params: { client: 'Workr', near: 'Worker' },
      });
      t.match(worker.id, /^c_[\w-]{22}$/);
      for (const uri of [
        'http://app.example/cb',
        'https://app.example/cb#x',
        '/cb',
        'javascript:alert(1)',
        'https://user@app.example/cb',
        'https://app.example/c b',
      ])
        await t.rejects(
          createClient(db.fork(), audit(), { name: 'Web', preset: 'web', redirectUris: [uri] }),
          { code: 'client_redirect_uri_invalid', params: { uri } },
          uri,
        );
      await t.rejects(createClient(db.fork(), audit(), { name: 'Web', preset: 'web' }), {
        code: 'client_redirect_uri_missing',
      });
      const native = await createClient(db.fork(), audit(), {
        name: 'App',
        preset: 'native',
        redirectUris: ['com.example.app:/cb', 'http://127.0.0.1/cb'],
      });
      t.equal(native.secret, null);
      await t.rejects(createClient(db.fork(), audit(), { name: 'c_x', preset: 'service' }), {
        code: 'client_name_reserved',
      });
    },
  );
});

t.test(
  'RFC 8414 §2, §3.1, OIDC Discovery §3, RFC 9126 §5, RFC 9207 §3 (M1, M2, M3, M6): discovery says what works, under every name, and nothing else',
  async (t) => {
    const { openTestEmbedded } = await import('../support/database.ts');
    const db = await openTestEmbedded();
    t.teardown(() => db.close());
    for (const [issuer, paths] of [
      ['https://id.example', ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']],
      [
        'https://id.example/auth',
        [
          '/.well-known/openid-configuration',
          '/.well-known/openid-configuration/auth',
          '/auth/.well-known/openid-configuration',
          '/.well-known/oauth-authorization-server/auth',
        ],
      ],
    ] as const) {
      const { app } = await startApp(db, { mode: 'production', environment: { SIGNET_ISSUER: issuer } });
      const bodies = new Set<string>();
      for (const path of paths) {
        const response = await app.inject({
          url: path,
          headers: { host: 'evil.example', 'x-forwarded-host': 'evil.example' },
        });
        t.match(
          response.headers,
          {
            'content-type': /^application\/json/,
            'cache-control': /max-age=300/,
            'access-control-allow-origin': '*',
            etag: /^"/,
          },
          path,
        );
        t.equal(response.headers['access-control-allow-credentials'], undefined);
        bodies.add(response.body);
        const again = await app.inject({
          url: path,
          headers: { 'if-none-match': `"x", W/${response.headers['etag']}` },
        });
        t.same([again.statusCode, again.body], [304, '']);
        const head = await app.inject({ method: 'HEAD', url: path });
        t.same([head.statusCode, head.body, head.headers['content-length']], [200, '', String(response.body.length)]);
        t.equal((await app.inject({ method: 'POST', url: path })).headers['allow'], 'GET, HEAD, OPTIONS');
      }
      t.equal(bodies.size, 1, 'one document');
      const document = JSON.parse([...bodies][0] as string);
      t.equal(document.issuer, issuer, 'byte for byte');
      for (const [name, value] of Object.entries(document)) {
        if (Array.isArray(value)) t.ok(value.length > 0, `${name}: no empty arrays (RFC 8414 §3.2)`);
        if (name.endsWith('_endpoint') || name.endsWith('_uri')) t.ok(String(value).startsWith(`${issuer}/`), name);
      }
      t.notOk('registration_endpoint' in document, 'registration is off');
      t.match(document, {
        response_types_supported: ['code'],
        response_modes_supported: ['query', 'form_post'],
        code_challenge_methods_supported: ['S256'],
        prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
        acr_values_supported: ['urn:signet:acr:1fa'],
        authorization_response_iss_parameter_supported: true,
        claims_parameter_supported: true,
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
      });
      const asked = await app.inject(document.authorization_endpoint.slice(issuer.length));
      t.same([asked.statusCode, asked.headers['content-type']], [400, 'text/html; charset=utf-8'], 'it is there');
      const endpoints = [
        document.token_endpoint,
        document.introspection_endpoint,
        document.revocation_endpoint,
        document.pushed_authorization_request_endpoint,
      ].map((url) => url.slice(issuer.length));
      for (const path of endpoints)
        t.equal(
          (
            await app.inject({
              method: 'POST',
              url: path,
              headers: { 'content-type': 'application/x-www-form-urlencoded' },
            })
          ).statusCode,
          401,
          `${path} is there`,
        );
      t.same(document.grant_types_supported, [
        'authorization_code',
        'refresh_token',
        'client_credentials',
        'urn:ietf:params:oauth:grant-type:device_code',
        'urn:ietf:params:oauth:grant-type:token-exchange',
      ]);
      await app.close();
    }
  },
);
