import { pino } from 'pino';
import { explain } from '../../src/cli/messages.ts';
import { type Database, findDatabaseProblems } from '../../src/platform/database/index.ts';
import { openPostgresql } from '../../src/platform/database/postgresql.ts';
import { noPostgresql, startPostgresql } from '../faults/instance.ts';
import { createTestPostgresql, model, postgresqlUrl } from '../support/database.ts';
import { noPgbouncer, startPgbouncer } from '../support/pgbouncer.ts';
import t, { type Test } from '../support/tap.ts';
import { openWorld } from '../support/world.ts';
import { asAdministrator, hostileDatabase, sessionChecks, signet } from './administrator.ts';

// What stands in the way of Signet in a database that answers: who says so, and what to do about it.

const skip = postgresqlUrl === undefined ? 'DATABASE_URL is not set' : false;

/** The probe, and what the log says why. */
async function ready(t: Test, db: Database) {
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => void lines.push(line) });
  const { app } = await openWorld(db, { log, explain });
  t.teardown(() => app.close());
  return async () => {
    lines.length = 0;
    const { statusCode } = await app.inject('/health/ready');
    return { status: statusCode, log: lines.join('') };
  };
}

t.test(
  'deploy/README.md, Connection poolers: what nobody has set for the role is red behind PgBouncer, and everybody says the remedy',
  { skip: noPgbouncer },
  async (t) => {
    const url = await hostileDatabase(t, { extra_float_digits: '-3', statement_timeout: '70s' }, false);
    const { through } = await startPgbouncer(t, 'transaction');
    // As another version left it: migrated, without defaults of the role.
    const db = await openPostgresql(through(url), 4, model, { use: 'requests' });
    t.teardown(() => db.close());
    const probe = await ready(t, db);
    t.match(await probe(), {
      status: 503,
      log: /extra_float_digits = -3, and Signet needs 1\. Run: npx signet migrate/,
    });
    const checks = await sessionChecks(through(url));
    t.match(checks, [
      { status: 'fail', message: /extra_float_digits = -3/, remedy: /npx signet migrate.*RECONNECT/ },
      { status: 'warn', message: /lock_timeout = 0, and Signet needs 4s/ },
      { status: 'warn', message: /statement_timeout = 70s, and Signet needs 8s/ },
    ]);
    t.match(await signet(['start'], through(url)), { exit: 1, stderr: /extra_float_digits = -3.*npx signet migrate/ });

    const told = await signet(['migrate'], through(url));
    t.match(told, {
      exit: 1,
      stderr: /extra_float_digits = -3[\s\S]*ALTER ROLE postgres IN DATABASE \S+ SET extra_float_digits = '1';/,
    });
    await asAdministrator((client) => client.query('reconnect'), adminConsole(through(url)));
    t.match(
      await signet(['migrate'], through(url)),
      { exit: 0, stdout: /up to date/ },
      'what it set is there once the pooler connects again',
    );
    t.match(await probe(), { status: 200 });
  },
);

const adminConsole = (url: string) => {
  const given = new URL(url);
  [given.username, given.pathname] = ['admin', '/pgbouncer'];
  return given.href;
};

t.test(
  'deploy/README.md, Connection poolers: a role that may not set its defaults is told what to have run',
  { skip },
  async (t) => {
    const { url, drop } = await createTestPostgresql();
    const database = new URL(url).pathname.slice(1);
    const [owner, login] = [`${database}_owner`, `${database}_login`];
    t.teardown(async () => {
      await drop();
      await asAdministrator((client) => client.query(`drop role ${login}; drop role ${owner}`));
    });
    // As dynamic credentials are made: who logs in acts as the owner of everything.
    await asAdministrator(async (client) => {
      await client.query(
        `create role ${owner}; create role ${login} login in role ${owner}; alter role ${login} set role = ${owner}`,
      );
      await client.query(
        `grant all on all tables in schema public to ${owner}; grant all on all sequences in schema public to ${owner}`,
      );
    }, url);
    const given = new URL(url);
    given.username = login;
    const { exit, stdout, stderr } = await signet(['migrate'], given.href);
    t.equal(exit, 0, stderr);
    t.match(
      stdout,
      new RegExp(
        `an administrator has to run:\n  ALTER ROLE ${login} IN DATABASE ${database} SET lock_timeout = '4s';`,
      ),
    );
  },
);

t.test(
  'deploy/README.md, Connection poolers: tables that are in another schema by now are red, and everybody says where they are',
  { skip },
  async (t) => {
    const url = await hostileDatabase(t, {}, false);
    const db = await openPostgresql(url, 4, model, { use: 'requests' });
    const probe = await ready(t, db);
    t.match(await probe(), { status: 200 });
    await db.close();
    await asAdministrator((client) =>
      client.query(`alter database ${new URL(url).pathname.slice(1)} set search_path = other`),
    );
    const later = await openPostgresql(url, 4, model, { use: 'requests' });
    t.teardown(() => later.close());
    const said = /in the schema public, which is not in search_path \(other\)/;
    t.match(await findDatabaseProblems(later), [{ error: { code: 'database_tables_elsewhere' }, isFatal: true }]);
    t.match(await sessionChecks(url), [
      { status: 'fail', message: said, remedy: /ALTER ROLE "postgres" IN DATABASE "\w+" SET search_path = "public"/ },
    ]);
    t.match(await signet(['start'], url), { exit: 1, stderr: said });
  },
);

t.test(
  'deploy/README.md, Connection poolers: statements that are not found again name the pooler',
  { skip: noPgbouncer },
  async (t) => {
    const { url, drop } = await createTestPostgresql();
    t.teardown(drop);
    // One connection to PostgreSQL, so that both meet it.
    const { through } = await startPgbouncer(t, 'transaction', 'default_pool_size = 1');
    // An operator who says that there is none.
    const wrong = await Promise.all([1, 2].map(() => openPostgresql(through(url), 1, model, { pooler: 'none' })));
    t.teardown(() => Promise.all(wrong.map((one) => one.close())));
    const ask = async () => {
      for (const one of wrong) await one.query({ name: 'twice', text: 'select 1 as one' }, []);
    };
    await t.rejects(ask(), { code: 'pooler_unexpected' });
    const right = await openPostgresql(through(url), 1, model, { pooler: 'transaction' });
    t.teardown(() => right.close());
    t.same(await right.query({ name: 'twice', text: 'select 1 as one' }, []), [{ one: 1 }]);
  },
);

t.test(
  'deploy/README.md, Connection poolers: a start-up parameter that the pooler refuses is named with its remedy',
  { skip: noPgbouncer },
  async (t) => {
    const { through } = await startPgbouncer(t, 'transaction');
    const url = `${through(postgresqlUrl as string)}?statement_timeout=5`;
    t.match(await signet(['user', 'list'], url), {
      exit: 5,
      stderr: /unsupported startup parameter: statement_timeout.*Remove it from DATABASE_URL/,
    });
  },
);

t.test(
  'docs/commands.md: a hot standby is red, refuses migrate and start, and answers 503',
  { skip: noPostgresql() },
  async (t) => {
    const own = await startPostgresql();
    t.teardown(() => own.remove());
    t.equal((await signet(['migrate'], own.url)).exit, 0);
    const db = await openPostgresql(own.url, 4, model, { use: 'requests' });
    t.teardown(() => db.close());
    const probe = await ready(t, db);
    t.match(await probe(), { status: 200 });
    await own.demote();
    await t.rejects(db.fork().execute('create table t ()'), { code: '25006' });
    const said = /hot standby/;
    t.match(await probe(), { status: 503, log: said });
    t.match(await sessionChecks(own.url), [
      { status: 'fail', message: said, remedy: /Point DATABASE_URL at the primary/ },
    ]);
    for (const words of [['migrate'], ['start']]) t.match(await signet(words, own.url), { exit: 1, stderr: said });
  },
);
