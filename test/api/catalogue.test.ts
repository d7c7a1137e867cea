import { createHash } from 'node:crypto';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { AuditEntry } from '../../src/audit/index.ts';
import type { CatalogueDocument } from '../../src/permissions/index.ts';
import { lastEntry, openCliHarness } from '../cli/harness.ts';
import { onEachEngine } from '../support/database.ts';
import { basic } from '../support/http.ts';
import { ISSUER, testClock } from '../support/server.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';

await onEachEngine(t, async (t, db) => {
  const cliHarness = await openCliHarness(db);
  const { app, keys, clock, http } = await openWorld(db, { clock: testClock(new Date()) });
  t.teardown(() => app.close());
  await cliHarness.json('api sync f', { file: 'audience: polls\napps: {polls: {models: [choice]}}' });
  await cliHarness.json('api create hidden --catalogue authenticated');
  await cliHarness.json('api create other');

  const clientOf = async (name: string, words: string) => {
    const { client_id: id, client_secret: secret } = await cliHarness.json(
      `client create ${name} --preset service ${words}`,
    );
    const tokenFor = async (audience: string) => {
      const response = await http.oauth('token', { grant_type: 'client_credentials', audience }, { id, secret });
      return `Bearer ${(response.json() as { access_token: string }).access_token}`;
    };
    return { id: id as string, secret: secret as string, tokenFor };
  };
  const publisher = await clientOf('publisher', '--api signet --api polls --serves polls --serves hidden');
  const document = (query: string, headers: Record<string, string> = {}) =>
    http.get(`/.well-known/permissions?${query}`, headers);

  await t.test(
    'M6, RFC 9110 §8.8.3, §13.1.2: a public document has an ETag, max-age, CORS for all, HEAD, 405 with Allow',
    async (t) => {
      const first = await document('audience=polls');
      t.equal(first.statusCode, 200);
      t.match(first.headers, {
        'content-type': /^application\/json/,
        'cache-control': 'public, max-age=60',
        etag: /^"[\w-]{22}"$/,
        vary: 'Accept',
        'access-control-allow-origin': '*',
      });
      t.notOk(first.headers['access-control-allow-credentials']);
      const { audience, permissions } = first.json() as CatalogueDocument;
      t.same(
        [audience, permissions.map((one) => one.name)],
        ['polls', ['add', 'change', 'delete', 'view'].map((one) => `polls.${one}_choice`)],
      );
      const etag = first.headers['etag'] as string;
      const again = await document('audience=polls', { 'if-none-match': `W/${etag}` });
      t.same([again.statusCode, again.body, again.headers['etag']], [304, '', etag]);
      const head = await app.inject({ method: 'HEAD', url: '/.well-known/permissions?audience=polls' });
      t.same([head.statusCode, head.body, head.headers['etag']], [200, '', etag]);
      const wrong = await app.inject({ method: 'POST', url: '/.well-known/permissions?audience=polls' });
      t.same([wrong.statusCode, wrong.headers['allow']], [405, 'GET, HEAD, OPTIONS']);
    },
  );

  await t.test("docs/catalogue.md: Signet's own catalogue is under the issuer and under signet", async (t) => {
    for (const audience of ['signet', ISSUER, `${ISSUER}/`])
      t.match((await document(`audience=${encodeURIComponent(audience)}`)).json(), { audience: ISSUER }, audience);
  });

  await t.test('docs/catalogue.md: older versions; an unknown API and an unknown version are 404', async (t) => {
    t.match((await document('audience=polls&version=0')).json(), { version: 0, permissions: [] });
    t.match((await document('audience=polls&version=1')).json(), { version: 1 });
    t.match((await document('audience=polls&version=9')).json(), { status: 404, code: 'not_found' });
    t.match((await document('audience=nobody')).json(), { status: 404, code: 'unknown_audience' });
    t.match((await document('audience=nobody&version=1')).json(), { status: 404, code: 'unknown_audience' });
    for (const query of [
      '',
      'audience=',
      'audience=polls&version=',
      'audience=polls&version=-1',
      'audience=polls&version=01',
      'audience=polls&version=1.0',
      'audience=polls&version=99999999999',
      'audience=polls&x=1',
    ])
      t.equal((await document(query)).statusCode, 422, query);
    t.equal((await document('audience=polls&audience=other')).statusCode, 400);
  });

  await t.test('docs/catalogue.md: signed, it is a JWT of its own type that jose verifies, made once', async (t) => {
    const accept = { accept: 'application/jwt' };
    const first = await document('audience=polls', accept);
    t.match(first.headers, {
      'content-type': /^application\/jwt/,
      vary: 'Accept',
      'cache-control': 'public, max-age=60',
    });
    const jwks = createLocalJWKSet(JSON.parse(keys.jwks().body.toString()));
    const { payload, protectedHeader } = await jwtVerify(first.body, jwks, {
      issuer: ISSUER,
      typ: 'permissions+jwt',
      currentDate: clock.now(),
    });
    t.same(Object.keys(protectedHeader).sort(), ['alg', 'kid', 'typ']);
    const { iss, iat, exp, ...rest } = payload;
    t.same(rest, (await document('audience=polls')).json());
    t.same([iss, exp], [ISSUER, (iat as number) + 86_400]);
    t.equal((await document('audience=polls', accept)).body, first.body, 'ready');
    const etag = first.headers['etag'] as string;
    t.equal((await document('audience=polls', { ...accept, 'if-none-match': etag })).statusCode, 304);
    t.not(etag, (await document('audience=polls')).headers['etag'], 'another representation');
    clock.pass(43_201);
    const next = await document('audience=polls', accept);
    t.not(next.body, first.body, 'signed anew before it gets old');
    t.teardown(() => clock.pass(-43_201));
    t.equal(decodeProtectedHeader(next.body)['typ'], 'permissions+jwt');
    await t.rejects(jwtVerify(first.body, jwks, { typ: 'at+jwt', currentDate: clock.now() }), 'no access token');
    const used = await http.hasPerm(next.body);
    t.match(used.json(), { code: 'invalid_token' });
  });

  await t.test(
    'docs/catalogue.md, RFC 9110 §11.6.1: a catalogue for authenticated callers is for clients and for bearers of tokens',
    async (t) => {
      const nobody = await document('audience=hidden');
      t.match(nobody.json(), { status: 401, code: 'unauthenticated' });
      t.match(nobody.headers, { 'www-authenticate': /^Bearer, Basic realm=/ });
      t.notOk(nobody.headers['access-control-allow-origin']);
      t.equal(
        (await document('audience=hidden&version=7')).statusCode,
        401,
        'who may not read it is not told its versions',
      );
      const { authorization: secret } = basic(publisher);
      for (const authorization of [secret, await publisher.tokenFor('polls')]) {
        const read = await document('audience=hidden', { authorization });
        t.equal(read.statusCode, 200);
        t.match(read.headers, { 'cache-control': 'private, max-age=60', vary: 'Accept, Authorization' });
        t.notOk(read.headers['access-control-allow-origin']);
        t.equal(
          (await document('audience=hidden', { authorization, 'if-none-match': read.headers['etag'] as string }))
            .statusCode,
          304,
        );
        t.equal((await document('audience=hidden', { authorization, accept: 'application/jwt' })).statusCode, 200);
        t.equal((await document('audience=hidden&version=7', { authorization })).statusCode, 404);
      }
      const etag = (await document('audience=hidden', basic(publisher))).headers['etag'] as string;
      t.equal((await document('audience=hidden', { 'if-none-match': etag })).statusCode, 401, 'an ETag opens nothing');
      for (const [authorization, code] of [
        [basic({ ...publisher, secret: 'wrong' }).authorization, 'unauthenticated'],
        [basic({ ...publisher, id: 'c_nobody' }).authorization, 'unauthenticated'],
        ['Basic', 'invalid_token'],
        ['Basic ???', 'unauthenticated'],
        ['Bearer nonsense', 'invalid_token'],
        ['Digest x', 'invalid_token'],
      ] as const)
        t.match((await document('audience=hidden', { authorization })).json(), { status: 401, code }, authorization);
    },
  );

  const put = async (audience: string, body: object | string, authorization?: string) =>
    http.json(
      `/api/v1/apis/${encodeURIComponent(audience)}/catalogue`,
      body,
      authorization ? { authorization } : {},
      'PUT',
    );
  const choice = { apps: { polls: { models: ['choice'] } } };

  await t.test(
    'docs/catalogue.md: publishing needs a service account that holds oauth.change_api and serves the API',
    async (t) => {
      const before = await cliHarness.counts();
      t.match((await put('polls', choice)).json(), { status: 401, code: 'unauthenticated' });
      t.match((await put('polls', choice, 'Bearer nonsense')).json(), { code: 'invalid_token' });
      t.match((await put('polls', choice, basic(publisher).authorization)).json(), { code: 'invalid_token' });
      t.match(
        (await put('polls', choice, await publisher.tokenFor('polls'))).json(),
        { status: 401, code: 'invalid_token' },
        'a token for another API',
      );
      const lacking = await put('polls', choice, await publisher.tokenFor(ISSUER));
      t.match(lacking.json(), { status: 403, code: 'permission_denied', detail: /oauth\.change_api/ });
      await cliHarness.json('user create root --superuser');
      const user = (await cliHarness.run('token issue --user root --api signet')).stdout.trim();
      t.match(
        (await put('polls', choice, `Bearer ${user}`)).json(),
        { status: 403, detail: /service account/ },
        'a superuser too',
      );
      await cliHarness.json(`perm grant --client ${publisher.id} --api signet oauth.change_api`);
      const token = await publisher.tokenFor(ISSUER);
      t.match((await put('other', choice, token)).json(), { status: 403, detail: /does not serve other/ });
      t.match((await put('signet', choice, token)).json(), { status: 403, detail: /Signet's own/ });
      t.match((await put('nobody', choice, token)).json(), { status: 404, code: 'unknown_audience' });
      t.match(await cliHarness.counts(), {
        permissions_permission: before['permissions_permission'],
        permissions_api: before['permissions_api'],
      });
      t.equal((await put('polls', choice, token)).statusCode, 200);
      await cliHarness.json(`perm revoke --client ${publisher.id} --api signet oauth.change_api`);
      t.equal((await put('polls', choice, token)).statusCode, 403, 'the rights of now');
      await cliHarness.json(`perm grant --client ${publisher.id} --api signet oauth.change_api`);
    },
  );

  await t.test('docs/catalogue.md: it is additive, read back at once, and says what it did', async (t) => {
    const token = await publisher.tokenFor(ISSUER);
    await document('audience=polls');
    const body = {
      apps: {
        polls: { models: [{ question: ['view'] }], permissions: { publish_poll: 'Can publish poll', 'x"y\\z': 'Odd' } },
      },
    };
    const rehearsed = (await put('polls', { ...body, dry_run: true }, token)).json();
    t.match((await document('audience=polls')).json(), { version: 1 }, 'a rehearsal does nothing');
    const done = (await put('polls', body, token)).json() as Record<string, unknown>;
    t.match(done, {
      audience: 'polls',
      version: 2,
      dry_run: false,
      added: ['polls.view_question', 'polls.publish_poll', 'polls.x"y\\z'],
      relabelled: [],
      removed: [],
      kept: ['add', 'change', 'delete', 'view'].map((one) => `polls.${one}_choice`),
      holders_count: 0,
      holders: [],
    });
    t.same({ ...done, dry_run: true }, rehearsed, 'and says what is done then');
    const now = (await document('audience=polls')).json() as CatalogueDocument;
    t.match(now, { version: 2, hash: done['hash'] });
    const hash = createHash('sha256');
    for (const { index, name } of now.permissions) hash.update(`${index}\t${name}\n`);
    t.equal(hash.digest('base64url'), done['hash']);
    t.match(await lastEntry(db), { objectKind: 'catalogue', actorKind: 'client', actorLabel: publisher.id });
    const entries = await db.fork().count(AuditEntry, {});
    t.match((await put('polls', body, token)).json(), { version: 2, added: [] });
    t.equal(await db.fork().count(AuditEntry, {}), entries, 'twice is once');
    const relabelled = { apps: { polls: { permissions: { publish_poll: 'May publish' } } } };
    t.match((await put('polls', relabelled, token)).json(), { version: 2, relabelled: ['polls.publish_poll'] });
    t.match((await document('audience=polls')).body, /May publish/, 'labels are read back too');
    t.equal((await put('hidden', choice, token)).statusCode, 200);
  });

  await t.test(
    'docs/commands.md: a removal needs prune, becomes a tombstone, and first says whose permissions it ends',
    async (t) => {
      const token = await publisher.tokenFor(ISSUER);
      for (const name of ['ada', 'bob']) await cliHarness.json(`user create ${name}`);
      await cliHarness.json('group create editors');
      for (const who of ['--user ada', '--group editors', `--client ${publisher.id}`])
        await cliHarness.json(`perm grant ${who} --api polls polls.publish_poll`);
      const only = { apps: { polls: { models: ['choice'], permissions: { 'x"y\\z': 'Odd' } } }, prune: true };
      const holders = [
        { permission: 'polls.publish_poll', kind: 'client', name: publisher.id },
        { permission: 'polls.publish_poll', kind: 'group', name: 'editors' },
        { permission: 'polls.publish_poll', kind: 'user', name: 'ada' },
      ];
      const said = (await put('polls', { ...only, dry_run: true }, token)).json() as object;
      t.match(said, {
        dry_run: true,
        version: 3,
        removed: ['polls.publish_poll', 'polls.view_question'],
        holders_count: 3,
        holders,
      });
      t.match(
        (await cliHarness.json('perm list --user ada')).permissions,
        [{ name: 'polls.publish_poll' }],
        'nothing was done',
      );
      t.same((await put('polls', only, token)).json(), { ...said, dry_run: false });
      t.same((await cliHarness.json('perm list --user ada')).permissions, []);
      const { permissions } = (await document('audience=polls')).json() as CatalogueDocument;
      t.same(
        permissions.filter((one) => one.removed).map((one) => [one.index, one.name]),
        [
          [4, ''],
          [5, ''],
        ],
      );
      await put('polls', { apps: { polls: { permissions: { publish_poll: 'Again' } } } }, token);
      const again = (await document('audience=polls')).json() as CatalogueDocument;
      t.match(again.permissions.at(-1), { index: 7, name: 'polls.publish_poll' }, 'the same name has a new index');
      await cliHarness.json('api update polls --username off');
      await cliHarness.json('perm grant --user bob --api polls polls.publish_poll');
      const { user } = await cliHarness.json('user show bob');
      const nameless = (await put('polls', { ...only, dry_run: true }, token)).json();
      t.match(
        nameless,
        { holders: [{ kind: 'user', name: user.id }] },
        'where tokens name nobody, this does not either',
      );
    },
  );

  await t.test('docs/login-api.md: what is unfit is refused with its place, and changes nothing', async (t) => {
    const token = await publisher.tokenFor(ISSUER);
    const before = await cliHarness.counts();
    const refusals: [body: object | string, status: number, pointer?: string][] = [
      ['{', 400],
      ['[]', 422],
      [{}, 422, '/apps'],
      [{ apps: {}, x: 1 }, 422, '/x'],
      [{ apps: [] }, 422],
      [{ apps: { Polls: {} } }, 422, '/apps/Polls'],
      [{ apps: { polls: { model: [] } } }, 422],
      [{ apps: { polls: { models: ['Question'] } } }, 422, '/apps/polls/models/0'],
      [{ apps: { polls: { models: [{ a: ['x'], b: ['y'] }] } } }, 422, '/apps/polls/models/0'],
      [{ apps: { polls: { models: [{ a: ['X'] }] } } }, 422, '/apps/polls/models/0/a'],
      [{ apps: { polls: { permissions: { 'a b': 'x' } } } }, 422, '/apps/polls/permissions'],
      [{ apps: { polls: { permissions: { 'a\t': 'x' } } } }, 422, '/apps/polls/permissions'],
      [{ apps: { polls: { permissions: { a: 'x'.repeat(256) } } } }, 422, '/apps/polls/permissions/a'],
      [{ apps: { polls: { permissions: { a: 1 } } } }, 422, '/apps/polls/permissions/a'],
      [{ apps: {}, prune: 'yes' }, 422, '/prune'],
      ['{"apps":{"polls":{"permissions":{"a":"\\u0000"}}}}', 400],
      ['{"apps":{},"apps":{}}', 400],
      [{ apps: { polls: { models: Array.from({ length: 2501 }, (_, i) => `m${i}`) } } }, 422, '/apps'],
      [JSON.stringify({ apps: {} }) + ' '.repeat(2 << 20), 413],
    ];
    for (const [body, status, pointer] of refusals) {
      const response = await put('polls', body, token);
      const label = (typeof body === 'string' ? body : JSON.stringify(body)).slice(0, 80);
      t.equal(response.statusCode, status, label);
      if (pointer !== undefined) t.match(response.json(), { errors: [{ pointer }] }, label);
    }
    t.same(await cliHarness.counts(), before);
    const large = { apps: { big: { models: Array.from({ length: 2400 }, (_, i) => `model_${i}`) } }, dry_run: true };
    t.equal((await put('hidden', large, token)).json().added.length, 9600, 'far more than 64 KiB');
    const nearly = { apps: { big: { models: Array.from({ length: 2500 }, (_, i) => `model_${i}`) } } };
    t.match((await put('hidden', nearly, token)).json(), {
      code: 'invalid',
      errors: [{ pointer: '/apps', detail: /10,004 permissions/ }],
    });
  });

  await t.test('an audience that is a URI stands in the path in percent signs', async (t) => {
    await cliHarness.json('api create https://a.example/x');
    await cliHarness.json(`client update ${publisher.id} --serves https://a.example/x`);
    const token = await publisher.tokenFor(ISSUER);
    t.match((await put('https://a.example/x', choice, token)).json(), { audience: 'https://a.example/x', version: 1 });
    t.match((await put('polls', choice, token)).json(), { status: 403 }, 'which it does not serve any more');
  });
});
