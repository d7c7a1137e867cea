import { setImmediate } from 'node:timers/promises';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { PipelineDepth } from './pipeline.ts';
import type { Pooler } from './pooler.ts';
import type { RoleDefaults } from './role-defaults.ts';
import { runInUnitOfWork, type Statement } from './statement.ts';

/** The database, on either engine. */
export interface Database {
  readonly engine: 'postgresql' | 'embedded';
  readonly pooler: Pooler;
  /** Returns a new unit of work. Inside `em.transactional(async (tx) => …)` use only `tx`. */
  fork(): SqlEntityManager;
  /** Runs a hot statement outside any transaction: a hot select on the pipeline, any other on a pooled connection. */
  query<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]>;
  /**
   * Calls back with the payload of every NOTIFY on the channel, and with null after a reconnect, when some may have been missed. Returns a
   * function that stops it. Behind a pooler, or on another engine, there may be no notifications, so callers must also poll.
   */
  listen(channel: string, onNotify: (payload: string | null) => void): Promise<() => Promise<void>>;
  migrations: Migrations;
  /** Writes the session settings as defaults of the role, for poolers in transaction mode. */
  writeRoleDefaults(): Promise<RoleDefaults>;
  /** The pool of this process; null on the embedded engine. */
  connections(): Connections | null;
  close(): Promise<void>;
}

/** A snapshot of the connection pool. */
export interface Connections {
  readonly max: number;
  readonly open: number;
  readonly idle: number;
  /** Statements waiting for a connection. */
  readonly waiting: number;
  /** The connections outside the pool that hot selects share. */
  readonly pipelines: PipelineDepth;
}

export interface Migrations {
  /** Number of migrations in this version. */
  readonly count: number;
  /** Names of the pending migrations. */
  pending(): Promise<string[]>;
  /** Applies the pending migrations, one process at a time, and returns their names. If one fails, none is applied. */
  apply(): Promise<string[]>;
  /** Returns the statements that would bring the schema to the entities' definition: empty unless the two have drifted apart. */
  drift(): Promise<string>;
}

/** Runs a hot statement; inside a transaction pass its unit of work. */
export function runOn<Row>(
  target: Database | SqlEntityManager,
  statement: Statement,
  values: readonly unknown[],
): Promise<Row[]> {
  return 'query' in target ? target.query<Row>(statement, values) : runInUnitOfWork<Row>(target, statement, values);
}

/** Returns the placeholders of so many values for a list in a statement of the unit of work: `in (?, ?)`. */
export function placeholders(count: number): string {
  return Array(count).fill('?').join(', ');
}

/** Rows per statement: few enough that nothing waits long for it. */
export const PURGE_BATCH = 1000;

/** Statements per run: the rest waits for the next run. */
export const PURGE_ROUNDS = 20;

/**
 * Declares a statement for `purgeRows`. `key`: the columns that identify a row of the table. `condition`: which rows have ended before $1,
 * the instant.
 */
export function purgeStatement(
  name: string,
  table: string,
  key: string,
  condition = 'expires_at < $1::timestamptz',
): Statement {
  const rows = `select ${key} from ${table} where ${condition} limit $2`;
  return { name, text: `delete from ${table} where (${key}) in (${rows}) returning 1 as gone` };
}

/**
 * Deletes rows that ended before an instant, one batch at a time until one is short, at most PURGE_ROUNDS; returns the number of rows. The
 * statement takes $1 the instant and $2 the batch size, and returns one row per deleted row.
 */
export async function purgeRows(db: Database, statement: Statement, endedBefore: Date): Promise<number> {
  let purged = 0;
  for (let round = 0; round < PURGE_ROUNDS; round++) {
    const { length } = await db.query(statement, [endedBefore, PURGE_BATCH]);
    purged += length;
    if (length < PURGE_BATCH) break;
    // The embedded engine never leaves the microtask queue: other requests are served here.
    await setImmediate();
  }
  return purged;
}

/** Stores a fact about this installation (`PlatformState`), unless one of this name is there. */
export async function storeState(tx: SqlEntityManager, name: string, value: unknown): Promise<void> {
  await tx.execute('insert into platform_state (name, value) values (?, ?::jsonb) on conflict do nothing', [
    name,
    JSON.stringify(value),
  ]);
}
