import pg from 'pg';
import { getApi } from '../../src/permissions/index.ts';
import type { Database, Statement } from '../../src/platform/database/index.ts';
import { openPostgresql } from '../../src/platform/database/postgresql.ts';
import { PIPELINE_SETTINGS, settingStatement } from '../../src/platform/database/session-settings.ts';
import { createTestPostgresql, model, postgresqlUrl } from '../support/database.ts';
import { ACCESS_TOKEN, CALLBACK, CHALLENGE, DEVICE, EXCHANGE, VERIFIER } from '../support/flows.ts';
import { basic, bearer, PASSWORD, sessionCookie } from '../support/http.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';

/** Enough rows that a plan which reads a whole table is worse than one by an index, and that PostgreSQL knows it. */
const many = `
  insert into permissions_api (id, audience, audience_key, name) select gen_random_uuid(), 'api' || n, 'api' || n, 'A' from generate_series(1, 3000) n;
  insert into permissions_api (id, audience, audience_key, name, next_index, catalogue_version) values (gen_random_uuid(), 'polls', 'polls', 'Polls', 3000, 1);
  insert into permissions_permission (id, api_id, name, label, index, added_version)
    select gen_random_uuid(), (select id from permissions_api where audience = 'polls'), 'polls.p' || n, '', n - 1, 1 from generate_series(1, 3000) n;
  insert into permissions_permission (id, api_id, name, label, index, added_version)
    select gen_random_uuid(), id, 'a.p' || n, '', n - 1, 1 from permissions_api, generate_series(1, 10) n where audience like 'api%';
  insert into permissions_group (id, name, name_key) select gen_random_uuid(), 'g' || n, 'g' || n from generate_series(1, 3000) n;
  with made as (select gen_random_uuid() as id, n from generate_series(1, 20000) n), principals as (
    insert into permissions_principal (id, kind) select id, 'user' from made
  ) insert into users_user (id, username, username_key, email, email_key, email_verified_at, password, date_joined, attributes)
    select id, 'u' || n, 'u' || n, 'u' || n || '@x.example', 'u' || n || '@x.example', now(), '!', now(), '{}' from made;
  with made as (select gen_random_uuid() as id, n from generate_series(1, 3000) n), principals as (
    insert into permissions_principal (id, kind) select id, 'client' from made
  ) insert into oauth_client (id, client_id, name, name_key, preset, auth_method, grant_types, redirect_uris, created_at)
    select id, 'c_' || n, 'c' || n, 'c' || n, 'service', 'client_secret', '{client_credentials}', '{}', now() from made;
  insert into oauth_client_secret (id, client_id, digest, created_at) select gen_random_uuid(), id, sha256(client_id::bytea), now() from oauth_client;
  insert into oauth_client_api (client_id, api_id, role) select id, (select id from permissions_api where audience = 'polls'), 'serves' from oauth_client;
  insert into sessions_session (id, token_digest, user_id, password_epoch, auth_time, amr, created_at, last_seen_at, idle_expires_at, expires_at)
    select gen_random_uuid(), sha256((u.id::text || n)::bytea), u.id, 1, now(), '{pwd}', now(), now(), now() + interval '1 day', now() + interval '9 days'
    from users_user u, generate_series(1, 2) n;
  insert into permissions_group_member (principal_id, group_id)
    select u.id, g.id from (select id, row_number() over () as n from users_user) u join (select id, row_number() over () as n from permissions_group) g on g.n in (u.n % 3000 + 1, u.n % 2999 + 1);
  insert into permissions_group_permission (group_id, permission_id)
    select g.id, q.id from (select id, row_number() over () as n from permissions_group) g
    join (select id, row_number() over (order by index) as n from permissions_permission where name like 'polls.%') q on q.n between g.n and g.n + 5;
  insert into permissions_assignment (principal_id, permission_id)
    select u.id, q.id from (select id, row_number() over () as n from users_user) u
    join (select id, row_number() over (order by index) as n from permissions_permission where name like 'polls.%') q on q.n = u.n % 3000 + 1;
  insert into permissions_role (principal_id, api_id, is_staff) select id, (select id from permissions_api where audience = 'polls'), true from users_user;
  insert into tokens_revoked (jti, expires_at) select gen_random_uuid(), now() + interval '10 minutes' from generate_series(1, 20000);
  insert into signin_throttle (key_digest, failures, max_failures, window_started_at, expires_at)
    select sha256(n::text::bytea), 1, 10, now(), now() + interval '1 hour' from generate_series(1, 20000) n;
  insert into signin_familiar_network (user_id, network_digest, last_success_at) select id, sha256(id::text::bytea), now() from users_user;
  insert into imports_record (source, kind, source_pk, local_id, imported_digest) select 'polls', 'user', username, id, sha256('x') from users_user;
  insert into tokens_grant (id, seed, principal_id, client_id, api_id, session_id, password_epoch, created_at, rotated_at, idle_expires_at, expires_at)
    select gen_random_uuid(), sha256(s.id::text::bytea), s.user_id, (select id from oauth_client limit 1), a.id, s.id, 1, now(), now(), now() + interval '1 day', now() + interval '9 days'
    from sessions_session s, permissions_api a where a.audience = 'polls';
  insert into oauth_client_boundary (client_id, permission_id)
    select c.id, q.id from (select id, row_number() over () as n from oauth_client) c
    join (select id, row_number() over (order by index) as n from permissions_permission where name like 'polls.%') q on q.n between c.n and c.n + 5;
  insert into oauth_code (digest, client_id, principal_id, password_epoch, session_id, auth_time, amr, expires_at)
    select sha256(s.id::text::bytea), (select id from oauth_client limit 1), s.user_id, 1, s.id, now(), '{pwd}', now() from sessions_session s;
  insert into oauth_request (digest, kind, client_id, parameters, created_at, expires_at)
    select sha256(s.id::text::bytea), 'pushed', (select id from oauth_client limit 1), '{}', now(), now() from sessions_session s;
  insert into oauth_consent (principal_id, client_id, api_id, scopes, permissions, created_at, updated_at)
    select u.id, (select id from oauth_client limit 1), (select id from permissions_api where audience = 'polls'), '{}', '{}', now(), now() from users_user u;
  insert into oauth_device (digest, user_code, client_id, interval_seconds, expires_at)
    select sha256(s.id::text::bytea), s.id::text, (select id from oauth_client limit 1), 5, now() from sessions_session s;
  insert into tokens_status (list, idx, holder_id, api_id, principal_id, expires_at)
    select 1, row_number() over (), s.id, a.id, s.user_id, now() + interval '1 day' from sessions_session s, permissions_api a where a.audience = 'polls';
  analyze`;

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  'Actual Rows'?: number;
  'Actual Loops'?: number;
  'Rows Removed by Filter'?: number;
  Alias?: string;
  Plans?: Plan[];
}

function* nodes(plan: Plan): Generator<Plan> {
  yield plan;
  for (const child of plan.Plans ?? []) yield* nodes(child);
}

/** Tables of a handful of rows, which are read whole by every good plan. */
const small = ['platform_signal'];

const skip = postgresqlUrl === undefined ? 'DATABASE_URL is not set' : false;
t.test('targets: every statement of a hot path reaches its rows by an index', { skip }, async (t) => {
  const { url, drop } = await createTestPostgresql();
  const real = await openPostgresql(url, 4, model, { use: 'requests', pipelines: 2 });
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  t.teardown(async () => {
    await client.end();
    await real.close();
    await drop();
  });
  const seen = new Map<string, { statement: Statement; values: readonly unknown[] }>();
  const query: Database['query'] = (statement, values) => {
    seen.set(statement.name, { statement, values });
    return real.query(statement, values);
  };
  const world = await openWorld({ ...real, query });
  const { app, http } = world;
  await client.query(many);
  const polls = await getApi(real.fork(), 'polls');
  const alice = await world.user('alice');
  const worker = await world.client('Worker', {
    grantTypes: ['client_credentials', EXCHANGE],
    requests: [polls],
    serves: [polls],
  });
  await client.query(
    `update permissions_api set with_source_id = true, over_budget = 'bitmap' where audience = 'polls'`,
  );
  await client.query('insert into imports_record values ($1, $2, $3, $4, $5)', [
    'polls',
    'user',
    '"7"',
    alice.id,
    '\\x00',
  ]);

  const post = http.json;
  const form = (path: string, fields: Record<string, string>) => http.form(path, fields, basic(worker));
  /** A code, a refresh and userinfo, for a client that asks its users; and a device. */
  const askUsers = async () => {
    const redirect_uri = CALLBACK;
    const third = await world.client('Third', { preset: 'spa', requests: [polls], redirectUris: [redirect_uri] });
    const tv = await world.client('Tv', { preset: 'device', requests: [polls] });
    const ask = {
      client_id: third.id,
      response_type: 'code',
      redirect_uri,
      scope: 'openid profile email groups permissions',
      code_challenge: CHALLENGE,
      code_challenge_method: 'S256',
    };
    const anybody = http.form;
    const pushed = (await anybody('/oauth2/par', ask)).json();
    const asked = await app.inject({
      url: `/oauth2/authorize?${new URLSearchParams({ client_id: third.id, request_uri: pushed.request_uri })}`,
      headers: { cookie },
    });
    const interaction = new URL(asked.headers.location as string).pathname;
    const page = await app.inject({ url: interaction, headers: { cookie } });
    const flow = (page.headers['set-cookie'] as string).split(';')[0] as string;
    const shown = /name="shown" value="([^"]+)"/.exec(page.body)?.[1] as string;
    await anybody(interaction, { decision: 'allow', shown }, { cookie: `${cookie}; ${flow}` });
    const again = await anybody(interaction, { decision: 'allow', shown }, { cookie: `${cookie}; ${flow}` });
    await anybody(interaction, { decision: 'deny' }, { cookie: `${cookie}; ${flow}` });
    t.equal((await anybody('/login', { username: 'alice', password: PASSWORD }, { cookie: flow })).statusCode, 303);
    const code = new URL(again.headers.location as string).searchParams.get('code') as string;
    const redeemed = await anybody('/oauth2/token', {
      grant_type: 'authorization_code',
      code,
      redirect_uri,
      code_verifier: VERIFIER,
      client_id: third.id,
    });
    t.equal(redeemed.statusCode, 200, redeemed.body);
    const { refresh_token, access_token } = redeemed.json();
    t.equal(
      (await anybody('/oauth2/token', { grant_type: 'refresh_token', refresh_token, client_id: third.id })).statusCode,
      200,
    );
    t.equal((await http.get('/oauth2/userinfo', bearer(access_token))).statusCode, 200);
    // What was agreed to is a code at once; a yes issues it in its transaction.
    const atOnce = await app.inject({ url: `/oauth2/authorize?${new URLSearchParams(ask)}`, headers: { cookie } });
    t.match(atOnce.headers.location, /[?&]code=/);
    const device = (await anybody('/oauth2/device_authorization', { client_id: tv.id })).json();
    await anybody('/oauth2/token', { grant_type: DEVICE, device_code: device.device_code, client_id: tv.id });
    await app.inject({ url: `/oauth2/device?user_code=${device.user_code}`, headers: { cookie } });
  };
  t.equal((await post('/api/v1/login', { username: 'alice', password: 'wrong' })).statusCode, 401);
  const login = await post('/api/v1/login', { username: 'alice', password: PASSWORD, audience: 'polls' });
  t.equal(login.statusCode, 200, login.body);
  const cookie = sessionCookie(login);
  const { access_token: token } = login.json();
  for (let round = 0; round < 2; round++) {
    t.equal((await app.inject({ url: '/api/v1/session?audience=polls', headers: { cookie } })).statusCode, 200);
    t.equal((await post('/api/v1/token', { audience: 'polls' }, { cookie })).statusCode, 200);
    t.equal((await http.hasPerm(token, ['a.b'])).statusCode, 200);
    t.equal((await form('/oauth2/token', { grant_type: 'client_credentials' })).statusCode, 200);
    t.equal((await form('/oauth2/introspect', { token })).json().active, true);
    const exchanged = { grant_type: EXCHANGE, subject_token: token, subject_token_type: ACCESS_TOKEN };
    t.equal((await form('/oauth2/token', exchanged)).statusCode, 200);
  }
  t.equal(
    (
      await form('/oauth2/revoke', {
        token: (await form('/oauth2/token', { grant_type: 'client_credentials' })).json().access_token,
      })
    ).statusCode,
    200,
  );

  await askUsers();
  for (const name of [
    'oauth-code-issue',
    'oauth-code-reissue',
    'oauth-request-deny',
    'sessions-repeat',
    'oauth-code',
    'tokens-grant-rotate',
    'tokens-redeem-oauth_code',
    'oauth-allowed',
    'oauth-user-claims',
    'oauth-request',
    'oauth-token-state-through',
    'oauth-token-state-userinfo',
    'tokens-exchanged',
    'tokens-exchanged-session',
  ])
    t.ok(seen.has(name), `${name} was met`);

  t.ok(seen.size >= 12, [...seen.keys()].join(', '));
  for (const mode of ['force_custom_plan', 'force_generic_plan']) {
    await client.query(`set plan_cache_mode = ${mode}`);
    for (const { statement, values } of seen.values()) {
      await prepare(client, statement);
      t.same(await readWhole(client, statement, values), [], `${statement.name} (${mode})`);
      await client.query(`deallocate "${statement.name}"`);
    }
  }

  await t.test('plans that were made on an empty database are made again as it grows', async (t) => {
    const { url, drop } = await createTestPostgresql();
    const [grown, piped] = [new pg.Client({ connectionString: url }), new pg.Client({ connectionString: url })];
    await Promise.all([grown.connect(), piped.connect()]);
    t.teardown(async () => {
      await Promise.all([grown.end(), piped.end()]);
      await drop();
    });
    await grown.query('set plan_cache_mode = force_generic_plan; set enable_seqscan = off');
    for (const { statement, values } of seen.values()) {
      await prepare(grown, statement);
      t.same(await readWhole(grown, statement, values), [], `${statement.name} has an index for all that it reads`);
    }
    await grown.query('set enable_seqscan = on');
    // PostgreSQL has counted the rows while there were none, and does not count again yet.
    await grown.query('analyze');
    await piped.query(settingStatement('requests', PIPELINE_SETTINGS));
    const hot = [...seen.values()].filter(({ statement }) => statement.isHotSelect);
    for (const { statement, values } of hot) {
      await prepare(piped, statement);
      await readWhole(piped, statement, values);
    }
    await grown.query(many.replace(/analyze$/, ''));
    for (const { statement, values } of hot)
      t.same(await readWhole(piped, statement, values), [], `${statement.name}, right after an import of many`);
    await grown.query('analyze');
    for (const { statement, values } of seen.values())
      t.same(await readWhole(grown, statement, values), [], statement.name);
  });

  await t.test('what a client may use of few permissions is found without the rest of the catalogue', async (t) => {
    const piped = new pg.Client({ connectionString: url });
    await piped.connect();
    t.teardown(() => piped.end());
    await piped.query(settingStatement('requests', PIPELINE_SETTINGS));
    const { statement } = seen.get('oauth-allowed') as { statement: Statement };
    await prepare(piped, statement);
    const { rows } = await piped.query(
      `select c.id as client, q.api_id as api, array_agg(q.id::text order by q.index) as ids
        from oauth_client c join oauth_client_boundary x on x.client_id = c.id join permissions_permission q on q.id = x.permission_id
        where c.client_id = 'c_7' group by 1, 2`,
    );
    const [{ client, api, ids }] = rows;
    t.ok(ids.length >= 3);
    for (const consented of [ids.slice(0, 2), null]) {
      const expected = consented ?? ids;
      const names = await piped.query(run(statement, [[client], api, consented]));
      t.equal(names.rowCount, expected.length);
      const analyzed = await piped.query(
        `explain (analyze, format json) ${run(statement, [[client], api, consented])}`,
      );
      const read = [...nodes(analyzed.rows[0]['QUERY PLAN'][0].Plan as Plan)]
        .filter((one) => one['Relation Name'] === 'permissions_permission')
        .map((one) => (one['Actual Loops'] ?? 0) * ((one['Actual Rows'] ?? 0) + (one['Rows Removed by Filter'] ?? 0)));
      t.same(read, [expected.length], `${expected.length} of 3000`);
    }
  });

  await t.test('docs/architecture.md, The two ways to the database: both answer every hot select alike', async (t) => {
    const direct = await openPostgresql(url, 2, model);
    t.teardown(() => direct.close());
    const hot = [...seen.values()].filter(({ statement }) => statement.isHotSelect);
    t.ok(hot.length >= 12, `${hot.length} of them`);
    let rows = 0;
    for (const { statement, values } of hot) {
      const answers = await Promise.all([real, direct].map((db) => db.query(statement, values)));
      t.same(answers[0], answers[1], statement.name);
      rows += answers[0]?.length ?? 0;
    }
    t.ok(rows >= 8, `${rows} rows`);
  });
});

function prepare(client: pg.Client, { name, text }: Statement): Promise<unknown> {
  return client.query(`prepare "${name}" as ${text}`);
}

function run({ name }: Pick<Statement, 'name'>, values: readonly unknown[]): string {
  return values.length === 0 ? `execute "${name}"` : `execute "${name}"(${values.map(literal).join(', ')})`;
}

/** The tables that the plan of a prepared statement reads from end to end. */
async function readWhole(client: pg.Client, { name }: Statement, values: readonly unknown[]): Promise<unknown[]> {
  const { rows } = await client.query(`explain (format json) ${run({ name }, values)}`);
  const plan = rows[0]['QUERY PLAN'][0].Plan as Plan;
  return [...nodes(plan)]
    .filter((one) => one['Node Type'] === 'Seq Scan' && !small.includes(one['Relation Name'] ?? ''))
    .map((one) => one['Relation Name']);
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  // An array as text takes the type of its parameter.
  if (Array.isArray(value)) {
    const items = value.map((one) => (Buffer.isBuffer(one) ? `\\x${one.toString('hex')}` : String(one)));
    return pg.escapeLiteral(`{${items.map((one) => JSON.stringify(one)).join(',')}}`);
  }
  if (value instanceof Date) return `'${value.toISOString()}'`;
  if (Buffer.isBuffer(value)) return `'\\x${value.toString('hex')}'`;
  return typeof value === 'string' ? pg.escapeLiteral(value) : String(value);
}
