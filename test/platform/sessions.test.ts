import { Migration } from '@mikro-orm/migrations';
import { importDjango } from '../../src/imports/django/index.ts';
import { getApi } from '../../src/permissions/index.ts';
import { openEmbedded } from '../../src/platform/database/embedded.ts';
import { type Database, findDatabaseProblems } from '../../src/platform/database/index.ts';
import { openPostgresql } from '../../src/platform/database/postgresql.ts';
import { SESSION_SETTINGS } from '../../src/platform/database/session-settings.ts';
import { model, onEachEngine, openOwnEmbedded, postgresqlUrl } from '../support/database.ts';
import { sessionCookie } from '../support/http.ts';
import { noPgbouncer, startPgbouncer } from '../support/pgbouncer.ts';
import { signet as command, freshSettings, serving } from '../support/process.ts';
import { audit, djangoDump, masterKey } from '../support/server.ts';
import t, { type Test } from '../support/tap.ts';
import { openWorld } from '../support/world.ts';
import { hostileDatabase, sessionChecks, signet } from './administrator.ts';

// What an administrator may have set for every session of a database (ALTER DATABASE … SET), and what stands before it: Signet works
// all the same, or says what to do (deploy/README.md, "Connection poolers").

const skip = postgresqlUrl === undefined ? 'DATABASE_URL is not set' : false;

/** Another value for every setting that Signet pins, and for others that change how PostgreSQL reads, writes and plans. */
const hostile: Record<string, string> = {
  DateStyle: 'SQL, DMY',
  TimeZone: 'Asia/Kathmandu',
  client_encoding: 'LATIN1',
  IntervalStyle: 'sql_standard',
  bytea_output: 'escape',
  extra_float_digits: '-15',
  standard_conforming_strings: 'off',
  array_nulls: 'off',
  default_transaction_isolation: 'serializable',
  default_transaction_read_only: 'on',
  default_transaction_deferrable: 'on',
  exit_on_error: 'on',
  idle_session_timeout: '5s',
  idle_in_transaction_session_timeout: '2s',
  lock_timeout: '1s',
  statement_timeout: '1s',
  lc_numeric: 'C',
  lc_time: 'POSIX',
  row_security: 'off',
  transform_null_equals: 'on',
  quote_all_identifiers: 'on',
  client_min_messages: 'debug1',
  xmloption: 'document',
  plan_cache_mode: 'force_custom_plan',
  enable_indexscan: 'off',
};

/** Sign-up, login, token, introspection, session, import and a command. */
async function works(t: Test, db: Database, url: string): Promise<void> {
  const { app, clock, http, ...world } = await openWorld(db);
  t.teardown(() => app.close());
  const input = { text: djangoDump(), file: 'dump.json', audience: 'polls-site', dryRun: false } as const;
  const how = { existing: 'fail', superusers: 'api', trustEmails: false } as const;
  await importDjango(db, audit(), { ...input, ...how }, () => {});
  const polls = await getApi(db.fork(), 'polls-site');
  const client = await world.client('polls\\ service\'s "own"', { requests: [polls], serves: [polls] });
  const who = { username: 'grüße', password: 'a long enough phrase' };
  const name = { first_name: "O\\'Brien \\" };
  const signup = await http.json('/api/v1/signup', { ...who, ...name });
  t.equal(signup.statusCode, 201, signup.body);
  const login = await http.json('/api/v1/login', { ...who, audience: 'polls-site' });
  t.equal(login.statusCode, 200, login.body);
  const session = await http.as({ cookie: sessionCookie(login) }).get('/api/v1/session');
  t.match(session.json(), { user: { username: who.username, ...name }, is_authenticated: true });
  t.equal(session.json().session.created_at, clock.now().toISOString(), 'times come back as they were written');
  const introspection = await http.oauth('introspect', { token: login.json().access_token }, client);
  t.match(introspection.json(), { active: true, username: who.username });
  t.equal((await app.inject('/health/ready')).statusCode, 200);
  const listed = await signet(['user', 'show', who.username, '--json'], url);
  t.match(JSON.parse(listed.stdout), { user: { username: who.username, date_joined: clock.now().toISOString() } });
}

/** What a pool's connection is set to. */
async function effective(db: Database): Promise<Record<string, string>> {
  const names = SESSION_SETTINGS.map(({ name }) => name);
  const rows = await db.query<{ name: string; value: string }>(
    {
      name: 'test-settings',
      text: 'select n as name, current_setting(n, true) as value from unnest($1::text[]) as n where current_setting(n, true) is not null',
    },
    [names],
  );
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
}

const pinned = (known: Record<string, string>) =>
  Object.fromEntries(SESSION_SETTINGS.filter(({ name }) => name in known).map(({ name, value }) => [name, value]));

t.test('every setting of the table meets another value here, but one that came with PostgreSQL 17', async (t) => {
  const met = Object.keys(hostile);
  t.same(
    SESSION_SETTINGS.filter(({ name }) => !met.includes(name)).map(({ name }) => name),
    ['transaction_timeout'],
  );
  for (const { name, value } of SESSION_SETTINGS) t.not(hostile[name], value, name);
});

t.test('deploy/README.md, Connection poolers: a database set to anything else works directly', { skip }, async (t) => {
  const url = await hostileDatabase(t, hostile);
  const { exit, stdout, stderr } = await signet(['migrate'], url);
  t.equal(exit, 0, stderr);
  t.match(stdout, /ALTER ROLE "postgres" IN DATABASE \S+ SET statement_timeout = '8s';/, 'it says what it has set');
  t.equal((await signet(['migrate'], url)).stdout.trim(), 'The database is up to date.', 'and sets nothing twice');
  const db = await openPostgresql(url, 4, model, { use: 'requests', pipelines: 2 });
  t.teardown(() => db.close());
  const found = await effective(db);
  t.same(found, pinned(found));
  t.same(await findDatabaseProblems(db), []);
  await works(t, db, url);
  const patient = await openPostgresql(url, 2, model);
  t.teardown(() => patient.close());
  t.match(await effective(patient), { lock_timeout: '0', statement_timeout: '0' }, 'commands wait as they must');
});

for (const mode of ['transaction', 'session'] as const)
  t.test(
    `deploy/README.md, Connection poolers: so it does through PgBouncer in ${mode} mode`,
    { skip: noPgbouncer },
    async (t) => {
      const url = await hostileDatabase(t, hostile);
      const { through } = await startPgbouncer(t, mode);
      t.equal((await signet(['migrate'], url)).exit, 0);
      const db = await openPostgresql(through(url), 4, model, { use: 'requests', pipelines: 2 });
      t.teardown(() => db.close());
      t.same(
        db.pooler,
        mode === 'transaction' ? { mode, keepsStatements: false } : { mode: 'none', keepsStatements: true },
      );
      t.equal(
        db.connections()?.pipelines.open,
        mode === 'transaction' ? 0 : 2,
        'selects share connections where those are its own',
      );
      // Several at once: each on a connection of PostgreSQL that it never saw.
      for (const found of await Promise.all([1, 2, 3, 4].map(() => effective(db)))) t.same(found, pinned(found));
      t.same(await findDatabaseProblems(db), []);
      await works(t, db, through(url));
      const patient = await openPostgresql(through(url), 2, model);
      t.teardown(() => patient.close());
      const waits = await patient
        .fork()
        .transactional((tx) => tx.execute("select current_setting('statement_timeout') as s"));
      t.same(waits, [{ s: '0' }], 'transactions of commands wait as they must');
      const kept =
        mode === 'transaction' ? /keeps no prepared statements/ : /on the connections and as defaults of the role/;
      t.match(await sessionChecks(through(url)), [{ status: mode === 'transaction' ? 'note' : 'ok', message: kept }]);
    },
  );

t.test(
  'deploy/README.md, Connection poolers: start serves through PgBouncer in transaction mode, and drains',
  { skip: noPgbouncer },
  async (t) => {
    const url = await hostileDatabase(t, hostile);
    const { through } = await startPgbouncer(t, 'transaction');
    const place = await freshSettings();
    const issuer = `http://127.0.0.1:${place.SIGNET_PORT}`;
    const environment = {
      ...place,
      SIGNET_HOST: '127.0.0.1',
      SIGNET_ISSUER: issuer,
      SIGNET_SIGNUP: 'open',
      SIGNET_ARGON2_MEMORY: '7168',
      SIGNET_MASTER_KEY: masterKey.toString('hex'),
      DATABASE_URL: url,
    };
    t.equal((await command(['migrate'], environment)).code, 0);
    const server = await serving(['start'], { ...environment, DATABASE_URL: through(url) }, / · listening on /);
    t.equal((await fetch(`${issuer}/health/ready`)).status, 200);
    const post = (path: string, body: object) =>
      fetch(issuer + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const who = { username: 'alice', password: 'a long enough phrase' };
    t.equal((await post('/api/v1/signup', who)).status, 201);
    t.equal((await post('/api/v1/login', { ...who, audience: issuer })).status, 200);
    const { code } = await server.stop();
    t.equal(code, 0);
    t.notMatch(server.output(), /"level":50/, 'nothing went wrong meanwhile');
  },
);

t.test(
  'deploy/README.md, Connection poolers: a migration takes as long as it takes, behind PgBouncer in transaction mode too',
  { skip: noPgbouncer },
  async (t) => {
    const url = await hostileDatabase(t, { statement_timeout: '2s', lock_timeout: '1s' });
    const { through } = await startPgbouncer(t, 'transaction');
    class Waits extends Migration {
      override up(): void {
        this.addSql(
          "create table found as select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock",
        );
      }
    }
    const migrations = [{ name: 'waits', class: Waits }];
    for (const use of ['commands', 'requests'] as const) {
      const db = await openPostgresql(through(url), 4, { ...model, migrations }, { use, pooler: 'transaction' });
      t.teardown(() => db.close());
      t.same(await db.migrations.apply(), ['waits']);
      const query = { name: 'test-found', text: 'select statement, lock from found' };
      t.same(await db.query(query, []), [{ statement: '0', lock: '0' }], use);
      await db.fork().execute('drop table found, mikro_orm_migrations');
    }
  },
);

t.test('the embedded engine: a folder whose database is set to anything else works', async (t) => {
  const before = await openOwnEmbedded();
  const [{ name = '' } = {}] = await before.query<{ name: string }>(
    { name: 'test-name', text: 'select current_database()::text as name' },
    [],
  );
  for (const [setting, value] of Object.entries(hostile)) {
    if (!SESSION_SETTINGS.some((one) => one.name === setting) || setting === 'client_encoding') continue;
    await before.fork().execute(`alter database "${name}" set ${setting} = '${value}'`);
  }
  const template = await before.dump();
  await before.close();
  const db = await openEmbedded({ template }, model);
  t.teardown(() => db.close());
  const found = await effective(db);
  t.same(found, { ...pinned(found), lock_timeout: '0', statement_timeout: '0' });
  t.same(await findDatabaseProblems(db), []);
});

onEachEngine(t, async (t, db) => {
  t.same(await findDatabaseProblems(db), [], 'nothing stands in the way of a database that nobody has set');
  const found = await effective(db);
  for (const { name, forCommands } of SESSION_SETTINGS)
    if (name in found) t.equal(found[name], forCommands ?? pinned(found)[name], name);
});
