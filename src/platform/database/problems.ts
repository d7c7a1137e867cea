import type { DomainError } from '../errors.ts';
import type { Database } from './database.ts';
import { databaseError } from './errors.ts';
import { SESSION_SETTINGS } from './session-settings.ts';
import type { Statement } from './statement.ts';

/** A condition under which Signet cannot use a reachable database. */
export interface DatabaseProblem {
  readonly error: DomainError<
    'database_setting_wrong' | 'database_standby' | 'database_tables_elsewhere' | 'database_empty'
  >;
  /** False: results may come late, but are correct. */
  readonly isFatal: boolean;
}

const settingList = SESSION_SETTINGS.map(({ name }) => `current_setting('${name}', true)`).join(', ');

/** Reads no table, so that a probe may run as often as it likes. */
const state: Statement = {
  name: 'platform-surroundings',
  text: `select pg_is_in_recovery() as is_standby, current_setting('search_path') as search_path, to_regclass('mikro_orm_migrations') is not null as has_tables,
    array[${settingList}]::text[] as settings`,
};

interface DatabaseState {
  readonly is_standby: boolean;
  readonly search_path: string;
  readonly has_tables: boolean;
  readonly settings: readonly (string | null)[];
}

/** Checks the session settings of a pooled connection, whether it may write, and whether it finds Signet's tables. */
export async function findDatabaseProblems(db: Database): Promise<DatabaseProblem[]> {
  const [current] = await db.query<DatabaseState>(state, []);
  if (!current) return [];
  const problems = SESSION_SETTINGS.flatMap((setting, index): DatabaseProblem[] => {
    const value = current.settings[index] ?? null;
    // Unknown to this version of PostgreSQL, or set per process: commands wait without limit.
    if (value === null || value === setting.value || (setting.forCommands !== undefined && db.pooler.mode === 'none'))
      return [];
    return [
      {
        error: databaseError('database_setting_wrong', { setting: setting.name, value, needed: setting.value }),
        isFatal: setting.forCommands === undefined,
      },
    ];
  });
  if (current.is_standby) problems.unshift({ error: databaseError('database_standby'), isFatal: true });
  if (!current.has_tables) problems.push(await missingTablesProblem(db, current.search_path));
  return problems;
}

const schemas: Statement = {
  name: 'platform-schemas',
  text: `select array(select n.nspname::text from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relname = 'mikro_orm_migrations' and c.relkind = 'r' order by 1) as schemas, session_user::text as role, current_database()::text as database`,
};

/** Returns why the connection does not find Signet's tables. */
async function missingTablesProblem(db: Database, searchPath: string): Promise<DatabaseProblem> {
  const [location] = await db.query<{ schemas: string[]; role: string; database: string }>(schemas, []);
  const [schema] = location?.schemas ?? [];
  if (!location || schema === undefined) return { error: databaseError('database_empty'), isFatal: true };
  const { role, database } = location;
  return { error: databaseError('database_tables_elsewhere', { schema, searchPath, role, database }), isFatal: true };
}
