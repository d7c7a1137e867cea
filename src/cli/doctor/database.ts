import type { Config } from '../../platform/config/index.ts';
import {
  type Database,
  findDatabaseProblems,
  missingRoleDefaults,
  type Statement,
} from '../../platform/database/index.ts';
import type { Clock } from '../../platform/time.ts';
import { problemText } from '../messages/platform.ts';
import { type Check, fail, note, ok, warn } from './check.ts';

const time: Statement = {
  name: 'cli-doctor-time',
  text: 'select extract(epoch from clock_timestamp())::float8 as now',
};

/** Verifiers tolerate seconds; sessions and throttles are written by one clock and read by another. */
const DRIFT_WARN_SECONDS = 2;
const DRIFT_FAIL_SECONDS = 30;

/** Compares this machine's clock with the database's; the time of the query itself is not counted. */
export async function checkClock(db: Database, clock: Clock): Promise<Check> {
  const name = 'clock';
  const before = clock.now().getTime();
  const [row] = await db.query<{ now: number }>(time, []);
  const after = clock.now().getTime();
  const databaseTime = (row?.now ?? 0) * 1000;
  const drift = Math.max(before - databaseTime, databaseTime - after, 0) / 1000;
  if (drift < DRIFT_WARN_SECONDS) return ok(name, 'This machine and the database have the same time.');
  const summary = `The clocks of this machine and the database are ${drift.toFixed(1)} seconds apart`;
  const remedy = 'Run a time service (NTP) on both machines.';
  return drift < DRIFT_FAIL_SECONDS
    ? warn(name, `${summary}.`, remedy)
    : fail(name, `${summary}: tokens are refused as expired, or as not yet valid.`, remedy);
}

const capacityStatement: Statement = {
  name: 'cli-doctor-connections',
  text: `select least(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(nullif(current_setting('reserved_connections', true), '')::int, 0),
      (select nullif(rolconnlimit, -1) from pg_roles where rolname = current_user),
      (select nullif(datconnlimit, -1) from pg_database where datname = current_database()))::int as limit,
    (select count(*)::int from pg_stat_activity where datname is not null and application_name = 'signet') as ours,
    (select count(*)::int from pg_stat_activity where datname is not null and application_name is distinct from 'signet') as others`,
};

/** The connections that PostgreSQL allows. */
export interface ConnectionCapacity {
  readonly limit: number;
  /** Connections of all Signet processes. */
  readonly ours: number;
  readonly others: number;
}

/** Calculates how many processes the server has connections for: each uses a pool and pipelines, and an upgrade runs two side by side. */
export function checkCapacity({ limit, ours, others }: ConnectionCapacity, pool: number, pipelines: number): Check {
  const name = 'database';
  const processes = Math.max(0, Math.floor((limit - others) / (pool + pipelines)));
  const summary = `PostgreSQL allows ${limit} connections; others use ${others}, Signet ${ours}: room for ${processes} ${processes === 1 ? 'process' : 'processes'} with SIGNET_DATABASE_POOL=${pool} and SIGNET_DATABASE_PIPELINES=${pipelines}`;
  const remedy = 'Raise max_connections (or the limit of the role or database), or lower SIGNET_DATABASE_POOL.';
  if (processes < 1) return fail(name, `${summary}.`, remedy);
  if (processes < 2) return warn(name, `${summary}: during an upgrade two run side by side.`, remedy);
  return ok(name, `${summary}.`);
}

export async function checkDatabase(
  db: Database,
  isProduction: boolean,
  { databasePool, databasePipelines }: Pick<Config, 'databasePool' | 'databasePipelines'>,
): Promise<Check> {
  if (db.engine === 'embedded')
    return isProduction
      ? warn(
          'database',
          'The embedded database serves one process, can be backed up only while it is stopped, and has no replica.',
          'For more than a small site, set DATABASE_URL to PostgreSQL 15 or newer.',
        )
      : ok('database', 'Embedded, one process.');
  const [row] = await db.query<ConnectionCapacity>(capacityStatement, []);
  return row
    ? checkCapacity(row, databasePool, databasePipelines)
    : note('database', 'PostgreSQL does not report how many connections it allows.');
}

export async function checkMigrations(db: Database): Promise<Check> {
  const pending = await db.migrations.pending();
  if (pending.length === 0) return ok('migrations', `All ${db.migrations.count} are applied.`);
  return fail('migrations', `Pending: ${pending.join(', ')}.`, 'Run: npx signet migrate');
}

/** Checks the session settings, and the pooler in front of PostgreSQL. */
export async function checkSessions(db: Database): Promise<Check[]> {
  const name = 'sessions';
  const problems = (await findDatabaseProblems(db)).filter((one) => one.error.code !== 'database_empty');
  if (problems.length > 0)
    return problems.map((one) => {
      const { what, remedy } = problemText(one);
      return (one.isFatal ? fail : warn)(name, `${what}.`, remedy);
    });
  if (db.engine === 'embedded') return [ok(name, 'The session settings are right.')];
  const { mode, keepsStatements } = db.pooler;
  if (mode === 'transaction')
    return [
      keepsStatements
        ? ok(name, 'PostgreSQL is behind a pooler in transaction mode, which keeps prepared statements.')
        : note(
            name,
            'PostgreSQL is behind a pooler in transaction mode, which keeps no prepared statements: each is planned every time.',
            'In PgBouncer 1.21 or newer set max_prepared_statements, or connect to PostgreSQL directly.',
          ),
    ];
  const missing = await missingRoleDefaults(db);
  if (missing.length === 0)
    return [ok(name, 'The session settings are right, on the connections and as defaults of the role.')];
  return [
    note(
      name,
      `The session settings are right, but ${missing.length} of them are not defaults of the role, which a pooler in transaction mode needs.`,
      'Before you use such a pooler, run: npx signet migrate',
    ),
  ];
}
