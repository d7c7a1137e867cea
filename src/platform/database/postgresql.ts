import type { EventSubscriber } from '@mikro-orm/core';
import { MikroORM, type PostgreSqlConnection } from '@mikro-orm/postgresql';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type pg from 'pg';
import type { Pool, PoolClient } from 'pg';
import { parse } from 'pg-connection-string';
import type { DomainError } from '../errors.ts';
import { endClient, KEEP_ALIVE, PinnedClient, pinSession } from './client.ts';
import type { Database, Migrations } from './database.ts';
import { databaseError } from './errors.ts';
import { listenOn } from './listen.ts';
import { createMigrations } from './migrations.ts';
import { type Model, ormOptions } from './options.ts';
import { openPipeline } from './pipeline.ts';
import { findPooler, isNameClash, type Pooler, type PoolerSetting } from './pooler.ts';
import { writeRoleDefaults } from './role-defaults.ts';
import { LIFT_TIMEOUTS, TIMEOUTS_MS, type Use } from './session-settings.ts';

/** An arbitrary number for Signet's migration lock: the bytes of "signet". */
const MIGRATION_LOCK = 0x7369676e;

export interface PostgresqlOptions {
  /** Default: `commands`. */
  readonly use?: Use;
  /** Default: `auto`. */
  readonly pooler?: PoolerSetting;
  /** Connections that hot selects share; default: none. */
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
    throw connectionError(error, dbName);
  });
  const driver = {
    // The driver gets the whole URL: the ORM reads only host, user and name, and drops the rest, `sslmode` too.
    connectionString: url,
    connectionTimeoutMillis: TIMEOUTS_MS.connection,
    ...KEEP_ALIVE,
    application_name: 'signet',
  };
  const { orm, pool, pooledClients } = await openPool({ driver, dbName, poolSize, pooler, model, use });
  const onPool = createPoolQuery(pool, pooler);
  // Behind a pooler in transaction mode session settings do not persist, so no connection can be made read-only.
  const pipeline =
    pipelines > 0 && pooler.mode === 'none'
      ? await openPipeline({
          // The ORM has configured the type parsers of the pool.
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
    // A pooler in transaction mode delivers no notifications; callers poll.
    listen: async (channel, onNotify) => (pooler.mode === 'none' ? listenOn(url, channel, onNotify) : async () => {}),
    migrations:
      use === 'requests'
        ? { ...migrations, apply: () => applyWithoutTimeouts(migrations, url, model, setting) }
        : migrations,
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
      // The pool sends its goodbye and does not wait; an open socket would keep the process alive.
      await Promise.all([...pooledClients].map((client) => endClient(client)));
    },
  };
  return db;
}

interface PoolOptions {
  readonly driver: pg.ClientConfig;
  readonly dbName: string;
  readonly poolSize: number;
  readonly pooler: Pooler;
  readonly model: Model;
  readonly use: Use;
}

/** Opens the ORM and its pool. `pooledClients` are the open connections of the pool. */
async function openPool({ driver, dbName, poolSize, pooler, model, use }: PoolOptions) {
  const pooledClients = new Set<pg.Client>();
  const orm = await MikroORM.init({
    ...ormOptions(model),
    // The ORM requires a name; the URL's takes precedence.
    dbName,
    pool: { min: 0, max: poolSize },
    subscribers: hasRequestTimeouts(use, pooler) ? [liftTimeouts] : [],
    driverOptions: {
      ...driver,
      Client: PinnedClient,
      onPoolCreated: (pool: Pool) => {
        pool.on('connect', (one) => {
          const client = one as unknown as pg.Client;
          pooledClients.add(client);
          client.once('end', () => pooledClients.delete(client));
        });
        releaseEnded(pool);
      },
      // In transaction mode it would apply to a connection that others get next.
      ...(pooler.mode === 'none' ? { onConnect: (client: PoolClient) => pinSession(client, use) } : {}),
    },
  });
  const pool = await connect(orm).catch(async (error: unknown) => {
    await orm.close(true);
    throw connectionError(error, dbName);
  });
  return { orm, pool, pooledClients };
}

function createPoolQuery(pool: Pool, pooler: Pooler): Database['query'] {
  return async ({ name, text }, values) => {
    const named = pooler.keepsStatements ? { name } : {};
    const result = await pool.query({ ...named, text, values: values as unknown[] }).catch((error: unknown) => {
      throw isNameClash(error) ? unexpectedPooler(error as Error) : error;
    });
    return result.rows as never;
  };
}

/** In a transaction: a session lock would remain on a connection of the pooler for ever. */
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

/** Commands behind a pooler in transaction mode get the role's defaults, which are those for requests. */
function hasRequestTimeouts(use: Use, pooler: Pooler): boolean {
  return use === 'commands' && pooler.mode === 'transaction';
}

const liftTimeouts: EventSubscriber = {
  afterTransactionStart: async ({ em, transaction }) => {
    await (em as SqlEntityManager).getConnection().execute(LIFT_TIMEOUTS, [], 'run', transaction);
  },
};

/** Parsed as the driver does, sockets included (`postgres://user@/signet?host=/run/postgresql`). */
function databaseName(url: string): string {
  if (!/^postgres(ql)?:\/\//.test(url)) throw databaseError('database_url_invalid', { fault: 'scheme' });
  try {
    return parse(url).database || 'signet';
  } catch (error) {
    throw databaseError('database_url_invalid', { fault: error instanceof URIError ? 'percent' : 'syntax' });
  }
}

async function connect(orm: MikroORM): Promise<Pool> {
  const pool = await (orm.em.getConnection() as unknown as PostgreSqlConnection).getNativeClient();
  await pool.query('select 1');
  return pool;
}

/**
 * Returns a connection that ended while checked out to the pool. A Kysely transaction whose `begin` or `rollback` fails never releases its
 * connection (kysely-org/kysely#1990): a few restarts of the database would exhaust the pool.
 */
function releaseEnded(pool: Pool): void {
  pool.on('connect', (client) =>
    client.once('end', () => {
      const pooledClient = client as Partial<PoolClient>;
      try {
        pooledClient.release?.(true);
      } catch {
        // It was not checked out.
      }
      // The code that checked it out may still release it.
      pooledClient.release = () => {};
    }),
  );
}

/** On separate connections without timeouts, because a migration may take long. */
async function applyWithoutTimeouts(
  migrations: Migrations,
  url: string,
  model: Model,
  setting: PoolerSetting,
): Promise<string[]> {
  if ((await migrations.pending()).length === 0) return [];
  const unlimited = await openPostgresql(url, 2, model, { pooler: setting });
  try {
    return await unlimited.migrations.apply();
  } finally {
    await unlimited.close();
  }
}

/** Returns the error for a connection that failed, by its cause (PostgreSQL appendix A lists the codes). */
function connectionError(error: unknown, database: string): DomainError {
  const reason = describe(error);
  switch ((error as { code?: string }).code) {
    case '3D000':
      return databaseError('database_not_found', { database, reason });
    case '28P01':
    case '28000':
      return databaseError('database_login_refused', { reason });
    case '42501':
      return databaseError('database_connect_denied', { database, reason });
    case '53300':
      return databaseError('database_connections_exhausted', { reason });
    default:
      return /unsupported startup parameter/.test(reason)
        ? databaseError('database_parameter_unsupported', { reason })
        : databaseError('database_unreachable', { reason });
  }
}

/** The driver's message without the URL, which has a password. A refused connection is an AggregateError without a message. */
function describe(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return message || code || 'no answer';
}

/** Prepared statements are not found on their connection, so a pooler must be rotating connections. */
function unexpectedPooler(error: Error): DomainError {
  return databaseError('pooler_unexpected', { reason: error.message });
}
