import type { EventSubscriber } from '@mikro-orm/core';
import { MikroORM, type PostgreSqlConnection } from '@mikro-orm/postgresql';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type pg from 'pg';
import type { Pool, PoolClient } from 'pg';
import { parse } from 'pg-connection-string';
import { Failure } from '../errors.ts';
import { endClient, KEEP_ALIVE, PinnedClient, pinSession } from './client.ts';
import type { Database, Migrations } from './database.ts';
import { listenOn } from './listen.ts';
import { createMigrations } from './migrations.ts';
import { type Model, ormOptions } from './options.ts';
import { openPipeline } from './pipeline.ts';
import { findPooler, isNameClash, type Pooler, type PoolerSetting } from './pooler.ts';
import { writeRoleDefaults } from './role-defaults.ts';
import { PATIENT_TRANSACTION, TIMEOUTS_MS, type Use } from './session-settings.ts';

/** Any number that only Signet uses for its migration lock: the bytes of "signet". */
const MIGRATION_LOCK = 0x7369676e;

export interface PostgresqlOptions {
  /** `commands` unless given. */
  readonly use?: Use;
  /** `auto` unless given. */
  readonly pooler?: PoolerSetting;
  /** Connections that hot selects share; none unless given. */
  readonly pipelines?: number;
}

export async function openPostgresql(
  url: string,
  poolSize: number,
  model: Model,
  options: PostgresqlOptions = {},
): Promise<Database> {
  const { use = 'commands', pooler: setting = 'auto', pipelines = 0 } = options;
  const dbName = databaseName(url);
  const pooler = await findPooler(url, setting).catch((error: unknown) => {
    throw noConnection(error, dbName);
  });
  const driver = {
    // The whole URL to the driver: the ORM reads host, user and name of it and drops the rest, `sslmode` too.
    connectionString: url,
    connectionTimeoutMillis: TIMEOUTS_MS.connection,
    ...KEEP_ALIVE,
    application_name: 'signet',
  };
  const pooled = new Set<pg.Client>();
  const orm = await MikroORM.init({
    ...ormOptions(model),
    // The ORM demands a name; the URL's own wins.
    dbName,
    pool: { min: 0, max: poolSize },
    subscribers: isImpatient(use, pooler) ? [patientTransactions] : [],
    driverOptions: {
      ...driver,
      Client: PinnedClient,
      onPoolCreated: (pool: Pool) => {
        pool.on('connect', (one) => {
          const client = one as unknown as pg.Client;
          pooled.add(client);
          client.once('end', () => pooled.delete(client));
        });
        takeBackDead(pool);
      },
      // In transaction mode it would be set on a connection that others get next.
      ...(pooler.mode === 'none' ? { onConnect: (client: PoolClient) => pinSession(client, use) } : {}),
    },
  });
  const pool = await connect(orm).catch(async (error: unknown) => {
    await orm.close(true);
    throw noConnection(error, dbName);
  });
  const onPool: Database['query'] = async ({ name, text }, values) => {
    const named = pooler.keepsStatements ? { name } : {};
    const result = await pool.query({ ...named, text, values: values as unknown[] }).catch((error: unknown) => {
      throw isNameClash(error) ? forgetful(error as Error) : error;
    });
    return result.rows as never;
  };
  // Behind a pooler in transaction mode nothing that is set on a connection holds, so that none is read-only.
  const pipeline =
    pipelines > 0 && pooler.mode === 'none'
      ? await openPipeline({
          // Types are read as the ORM has told the pool.
          client: { ...driver, types: (pool.options as pg.ClientConfig).types },
          connections: pipelines,
          onPool,
        })
      : null;
  const underLock = <T>(work: () => Promise<T>) => underMigrationLock(url, work);
  const migrations = createMigrations(orm, model, underLock);
  const db: Database = {
    engine: 'postgresql',
    pooler,
    fork: () => orm.em.fork({ useContext: true }) as never,
    query: (statement, values) =>
      statement.isHotSelect && pipeline
        ? (pipeline.select(statement, values) as Promise<never>)
        : onPool(statement, values),
    // A pooler in transaction mode hears nothing for anybody; polling stands behind it.
    listen: async (channel, heard) => (pooler.mode === 'none' ? listenOn(url, channel, heard) : async () => {}),
    migrations:
      use === 'requests' ? { ...migrations, apply: () => applyPatiently(migrations, url, model, setting) } : migrations,
    writeRoleDefaults: () => underLock(() => writeRoleDefaults(db)),
    connections: () => ({
      max: poolSize,
      open: pool.totalCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
      pipelines: pipeline?.depth() ?? { open: 0, inFlight: 0 },
    }),
    close: async () => {
      await pipeline?.close();
      await orm.close(true);
      // The pool says goodbye and waits for nothing; a socket that stays open would keep the process.
      await Promise.all([...pooled].map((client) => endClient(client)));
    },
  };
  return db;
}

/** By a transaction: a lock of the session would be left on a connection of the pooler, for ever. */
async function underMigrationLock<T>(url: string, work: () => Promise<T>): Promise<T> {
  const client = new PinnedClient({ connectionString: url, application_name: 'signet' });
  await client.connect();
  try {
    await client.query('begin');
    await client.query(
      'set local lock_timeout = 0; set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0',
    );
    await client.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    return await work();
  } finally {
    await endClient(client);
  }
}

/** Commands behind a pooler in transaction mode meet the role's defaults, which are those of requests. */
function isImpatient(use: Use, pooler: Pooler): boolean {
  return use === 'commands' && pooler.mode === 'transaction';
}

const patientTransactions: EventSubscriber = {
  afterTransactionStart: async ({ em, transaction }) => {
    await (em as SqlEntityManager).getConnection().execute(PATIENT_TRANSACTION, [], 'run', transaction);
  },
};

/** As the driver reads it, sockets too (`postgres://user@/signet?host=/run/postgresql`). */
function databaseName(url: string): string {
  if (!/^postgres(ql)?:\/\//.test(url))
    throw new Failure('usage', 'DATABASE_URL takes a URL such as postgres://user:password@host:5432/signet');
  try {
    return parse(url).database || 'signet';
  } catch (error) {
    throw new Failure(
      'usage',
      error instanceof URIError
        ? 'DATABASE_URL holds a % that is no escape: write %25.'
        : 'DATABASE_URL takes a URL such as postgres://user:password@host:5432/signet, with @ : / ? # in a password as %40 %3A %2F %3F %23.',
    );
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
      const held = client as Partial<PoolClient>;
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

/** Over connections of their own, since a migration may take as long as it takes. */
async function applyPatiently(
  migrations: Migrations,
  url: string,
  model: Model,
  setting: PoolerSetting,
): Promise<string[]> {
  if ((await migrations.pending()).length === 0) return [];
  const patient = await openPostgresql(url, 2, model, { pooler: setting });
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
      if (/unsupported startup parameter/.test(said))
        return refused(said, 'Take it out of DATABASE_URL, or name it in ignore_startup_parameters of the pooler.');
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

/** Connections do not find the statements that were prepared on them, so that something hands them round. */
function forgetful(error: Error): Failure {
  return new Failure(
    'failed',
    `A pooler in transaction mode stands before PostgreSQL (${error.message}). Set SIGNET_POOLER=transaction and start again.`,
  );
}
