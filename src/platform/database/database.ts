import { setImmediate } from 'node:timers/promises';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { PipelineDepth } from './pipeline.ts';
import type { Pooler } from './pooler.ts';
import type { RoleDefaults } from './role-defaults.ts';
import { runIn, type Statement } from './statement.ts';

/** The database, whichever engine serves it. */
export interface Database {
  readonly engine: 'postgresql' | 'embedded';
  readonly pooler: Pooler;
  /** A unit of work of its own. Inside `em.transactional(async (tx) => …)` use `tx` and nothing else. */
  fork(): SqlEntityManager;
  /** Runs a hot statement outside every transaction: a hot select by the pipeline, any other on a connection of the pool. */
  query<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]>;
  /**
   * Calls back with the payload of every NOTIFY on the channel, and with null when some may have been missed (a connection was
   * made anew). Answers how to stop. Poolers and other engines may deliver none: poll behind it.
   */
  listen(channel: string, heard: (payload: string | null) => void): Promise<() => Promise<void>>;
  migrations: Migrations;
  /** Makes the session settings the defaults of the role, for poolers in transaction mode. */
  writeRoleDefaults(): Promise<RoleDefaults>;
  /** The connections of this process; null where there is one and no pool (embedded). */
  connections(): Connections | null;
  close(): Promise<void>;
}

/** A pool of connections, as it is now. */
export interface Connections {
  readonly max: number;
  readonly open: number;
  readonly idle: number;
  /** Statements that wait for a connection. */
  readonly waiting: number;
  /** Beside the pool: the connections that hot selects share. */
  readonly pipelines: PipelineDepth;
}

export interface Migrations {
  /** How many this version knows. */
  readonly count: number;
  /** Names of what has not been applied yet. */
  pending(): Promise<string[]>;
  /** Applies them, one process at a time; answers the names. Nothing is applied when one of them fails. */
  apply(): Promise<string[]>;
  /** The statements that would make the database what the entities say: empty unless the two have drifted apart. */
  drift(): Promise<string>;
}

/** Runs a hot statement; pass a unit of work when inside its transaction. */
export function runOn<Row>(
  from: Database | SqlEntityManager,
  statement: Statement,
  values: readonly unknown[],
): Promise<Row[]> {
  return 'query' in from ? from.query<Row>(statement, values) : runIn<Row>(from, statement, values);
}

/** Rows of one statement: short enough that nothing waits for it. */
export const PURGE_BATCH = 1000;

/** Statements of one run: what is left then waits for the next, so that a run ends. */
export const PURGE_ROUNDS = 20;

/**
 * Deletes rows that ended before an instant, a batch at a time until one comes back short, twenty at the most; answers how many.
 * The statement takes $1 the instant and $2 the size of a batch, and returns one row for each that it deleted.
 */
export async function purgeRows(db: Database, statement: Statement, endedBefore: Date): Promise<number> {
  let purged = 0;
  for (let round = 0; round < PURGE_ROUNDS; round++) {
    const { length } = await db.query(statement, [endedBefore, PURGE_BATCH]);
    purged += length;
    if (length < PURGE_BATCH) break;
    // The embedded engine answers without ever leaving the queue of promises: requests are served here.
    await setImmediate();
  }
  return purged;
}
