/**
 * database: access to PostgreSQL, on a server or embedded in this process, behind one type.
 * Owns: opening and closing, session settings, the lock on the embedded folder, running migrations, hot statements, views, bulk
 *   statements, purging in bounded batches, the change feed between processes.
 * Does not own: entities and migrations (passed in), nor any rule about stored data.
 */
import type { Config } from '../config/index.ts';
import type { Database } from './database.ts';
import type { Model } from './options.ts';
import type { Use } from './session-settings.ts';

export { analyzeTables, anyId, anyText, bulkDelete, bulkInsert, type RowQuery } from './bulk.ts';
export { announce, type ChangeFeed, startChangeFeed, type Topic } from './change-feed.ts';
export {
  type Connections,
  type Database,
  type Migrations,
  PURGE_BATCH,
  PURGE_ROUNDS,
  placeholders,
  purgeRows,
  purgeStatement,
  runOn,
  storeState,
} from './database.ts';
export { PlatformState } from './entities.ts';
export type { DatabaseErrors } from './errors.ts';
export { type FolderLock, FolderLocked, findLockOwner, type LockOwner, lockFolder } from './lock.ts';
export type { Model } from './options.ts';
export type { Pooler } from './pooler.ts';
export { type Binding, bind, definePort, type Port } from './ports.ts';
export { type DatabaseProblem, findDatabaseProblems } from './problems.ts';
export { missingRoleDefaults, type RoleDefaults } from './role-defaults.ts';
export { hotSelect, type Statement, view } from './statement.ts';

/**
 * Opens the configured database. For the embedded one the caller owns the folder's lock. A server opens it for `requests`: on PostgreSQL a
 * statement that waits too long then fails as an outage.
 */
export async function openDatabase(config: Config, model: Model, use: Use = 'commands'): Promise<Database> {
  // Loaded on demand: each engine costs tens of megabytes.
  if (config.databaseUrl !== undefined) {
    const { openPostgresql } = await import('./postgresql.ts');
    const pipelines = use === 'requests' ? config.databasePipelines : 0;
    return openPostgresql(config.databaseUrl, config.databasePool, model, { use, pooler: config.pooler, pipelines });
  }
  const { openEmbedded } = await import('./embedded.ts');
  return openEmbedded({ dataDir: config.dataDir }, model);
}
