import { MikroORM, type PostgreSqlConnection } from '@mikro-orm/postgresql';
import pg, { type Pool } from 'pg';
import { Failure } from '../failure.ts';
import type { Database, Migrations } from './database.ts';
import { listenOn } from './listen.ts';
import { migrationsOf } from './migrations.ts';
import { type Model, namesOf, ormOptions } from './options.ts';

/** Any number that only Signet uses for its migration lock: the bytes of "signet". */
const MIGRATION_LOCK = 0x7369676e;

/**
 * How long a request may wait: for a connection, for a lock that somebody else holds, for one statement. Who waits longer is told
 * to come again, so that one held row does not fill the pool for everybody. Migrations, imports and commands wait as they must.
 */
const PATIENCE_MS = { connection: 5000, lock: 4000, statement: 8000 };

/** `requests` = a server answers people with it, and no statement waits for ever; `commands` = one piece of work, however long. */
export type Use = 'requests' | 'commands';

export async function openPostgresql(
  url: string,
  poolSize: number,
  model: Model,
  use: Use = 'commands',
): Promise<Database> {
  const orm = await MikroORM.init({
    ...ormOptions(model),
    // The ORM demands a name; the URL's own wins.
    dbName: nameOf(url),
    pool: { min: 0, max: poolSize },
    driverOptions: {
      // The whole URL to the driver: the ORM reads host, user and name of it and drops the rest, `sslmode` too.
      connectionString: url,
      connectionTimeoutMillis: PATIENCE_MS.connection,
      keepAlive: true,
      application_name: 'signet',
      onPoolCreated: takeBackDead,
      ...(use === 'requests' ? { onConnect: beImpatient } : {}),
    },
  });
  const pool = await connect(orm).catch(async (error: unknown) => {
    await orm.close(true);
    throw noConnection(error, nameOf(url));
  });
  const migrations = migrationsOf(orm, namesOf(model), async (work) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
      return await work();
    } finally {
      await client.end();
    }
  });
  return {
    engine: 'postgresql',
    fork: () => orm.em.fork({ useContext: true }) as never,
    query: async (statement, values) => {
      const result = await pool.query({ name: statement.name, text: statement.text, values: values as unknown[] });
      return result.rows as never;
    },
    listen: async (channel, heard) => listenOn(url, channel, heard),
    migrations:
      use === 'requests' ? { ...migrations, apply: () => applyPatiently(migrations, url, model) } : migrations,
    connections: () => ({
      max: poolSize,
      open: pool.totalCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
    }),
    close: () => orm.close(true),
  };
}

function nameOf(url: string): string {
  const parsed = URL.parse(url);
  if (!parsed || !/^postgres(ql)?:$/.test(parsed.protocol))
    throw new Failure('usage', 'DATABASE_URL takes a URL such as postgres://user:password@host:5432/signet');
  try {
    return decodeURIComponent(parsed.pathname.slice(1)) || 'signet';
  } catch {
    throw new Failure('usage', 'DATABASE_URL holds a % that is no escape: write %25.');
  }
}

async function connect(orm: MikroORM): Promise<Pool> {
  const pool = await (orm.em.getConnection() as unknown as PostgreSqlConnection).getNativeClient();
  await pool.query('select 1');
  return pool;
}

/**
 * Gives the place of a connection that ended while somebody held it back to the pool. A transaction of Kysely whose `begin` or
 * `rollback` fails never gives its connection back (kysely-org/kysely#1990): some restarts of the database would use the pool up.
 */
function takeBackDead(pool: Pool): void {
  pool.on('connect', (client) =>
    client.once('end', () => {
      const held = client as Partial<pg.PoolClient>;
      try {
        held.release?.(true);
      } catch {
        // Nobody held it.
      }
      // Whoever holds it still may give it back too.
      held.release = () => {};
    }),
  );
}

/** Set on the connection, not in its start-up packet: poolers such as PgBouncer refuse a packet with parameters that they do not know. */
async function beImpatient(client: pg.ClientBase): Promise<void> {
  await client.query(`set lock_timeout = ${PATIENCE_MS.lock}; set statement_timeout = ${PATIENCE_MS.statement}`);
}

/** Over connections of their own, since a migration may take as long as it takes. */
async function applyPatiently(migrations: Migrations, url: string, model: Model): Promise<string[]> {
  if ((await migrations.pending()).length === 0) return [];
  const patient = await openPostgresql(url, 2, model);
  try {
    return await patient.migrations.apply();
  } finally {
    await patient.close();
  }
}

/** Why DATABASE_URL leads nowhere, with the remedy of each reason (PostgreSQL's appendix A names the codes). */
function noConnection(error: unknown, database: string): Failure {
  const refused = (what: string, remedy: string) =>
    new Failure('noConnection', `PostgreSQL refuses DATABASE_URL: ${what}. ${remedy}`);
  const said = describe(error);
  switch ((error as { code?: string }).code) {
    case '3D000':
      return refused(
        said,
        `Create the database (createdb ${database}), or correct the name at the end of DATABASE_URL.`,
      );
    case '28P01':
    case '28000':
      return refused(said, 'Correct the user or the password in DATABASE_URL, or let them in by pg_hba.conf.');
    case '42501':
      return refused(said, `Allow it: grant connect on database ${database} to that user.`);
    case '53300':
      return refused(said, 'Raise max_connections of PostgreSQL, or lower SIGNET_DATABASE_POOL.');
    default:
      return new Failure(
        'noConnection',
        `PostgreSQL does not answer at DATABASE_URL: ${said}. Start PostgreSQL, or correct the host and port in DATABASE_URL.`,
      );
  }
}

/** The driver's words without the URL, which holds a password. A refused connection comes as an AggregateError without a message. */
function describe(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return message || code || 'no answer';
}
