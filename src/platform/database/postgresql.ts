import { MikroORM, type PostgreSqlConnection } from '@mikro-orm/postgresql';
import pg, { type Pool } from 'pg';
import { Failure } from '../failure.ts';
import type { Database } from './database.ts';
import { migrationsOf } from './migrations.ts';
import { type Model, ormOptions } from './options.ts';

/** Any number that only Signet uses for its migration lock: the bytes of "signet". */
const MIGRATION_LOCK = 0x7369676e;

export async function openPostgresql(url: string, poolSize: number, model: Model): Promise<Database> {
  const orm = await MikroORM.init({
    ...ormOptions(model),
    clientUrl: url,
    // The ORM demands a name; the URL's own wins where it has one.
    dbName: decodeURIComponent(URL.parse(url)?.pathname.slice(1) || 'signet'),
    pool: { min: 0, max: poolSize },
    driverOptions: { connectionTimeoutMillis: 5000, keepAlive: true, application_name: 'signet' },
  });
  const pool = await connect(orm).catch(async (error: unknown) => {
    await orm.close(true);
    throw new Failure(
      'noConnection',
      `PostgreSQL does not answer at DATABASE_URL: ${describe(error)}. Is it running, and is the URL right?`,
    );
  });
  return {
    engine: 'postgresql',
    fork: () => orm.em.fork({ useContext: true }) as never,
    query: async (statement, values) => {
      const result = await pool.query({ name: statement.name, text: statement.text, values: values as unknown[] });
      return result.rows as never;
    },
    migrations: migrationsOf(orm, model.migrations.length, async (work) => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      try {
        await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
        return await work();
      } finally {
        await client.end();
      }
    }),
    close: () => orm.close(true),
  };
}

async function connect(orm: MikroORM): Promise<Pool> {
  const pool = await (orm.em.getConnection() as unknown as PostgreSqlConnection).getNativeClient();
  await pool.query('select 1');
  return pool;
}

/** The driver's words without the URL, which holds a password. A refused connection comes as an AggregateError without a message. */
function describe(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return message || code || 'no answer';
}
