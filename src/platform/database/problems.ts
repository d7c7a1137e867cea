import type { Database } from './database.ts';
import { SESSION_SETTINGS } from './session-settings.ts';
import type { Statement } from './statement.ts';

/** What makes a database that answers one that Signet cannot work on. */
export interface DatabaseProblem {
  /** `elsewhere`: its tables are in a schema that is not searched; `empty`: it has none. */
  readonly name: 'setting' | 'standby' | 'elsewhere' | 'empty';
  readonly what: string;
  readonly remedy: string;
  /** False: answers may come late, and none is wrong. */
  readonly isFatal: boolean;
}

const shown = SESSION_SETTINGS.map(({ name }) => `current_setting('${name}', true)`).join(', ');

/** No table is read, so that a probe may ask as often as it likes. */
const look: Statement = {
  name: 'platform-surroundings',
  text: `select pg_is_in_recovery() as is_standby, current_setting('search_path') as search_path, to_regclass('mikro_orm_migrations') is not null as has_tables,
    array[${shown}]::text[] as settings`,
};

interface Seen {
  readonly is_standby: boolean;
  readonly search_path: string;
  readonly has_tables: boolean;
  readonly settings: readonly (string | null)[];
}

/** Asks a connection of the pool how it is set, whether it may write, and whether it finds Signet's tables. */
export async function findDatabaseProblems(db: Database): Promise<DatabaseProblem[]> {
  const [seen] = await db.query<Seen>(look, []);
  if (!seen) return [];
  const obstacles = SESSION_SETTINGS.flatMap((setting, place): DatabaseProblem[] => {
    const value = seen.settings[place] ?? null;
    // Unknown to this version of PostgreSQL, or set for this process alone: commands wait as they must.
    if (value === null || value === setting.value || (setting.forCommands !== undefined && db.pooler.mode === 'none'))
      return [];
    return [
      {
        name: 'setting',
        what: `PostgreSQL has ${setting.name} = ${value}, and Signet needs ${setting.value}`,
        remedy: REMEDY,
        isFatal: setting.forCommands === undefined,
      },
    ];
  });
  if (seen.is_standby)
    obstacles.unshift({
      name: 'standby',
      what: 'PostgreSQL is a hot standby here, which takes no writes',
      remedy: 'Point DATABASE_URL at the primary, or promote this one.',
      isFatal: true,
    });
  if (!seen.has_tables) obstacles.push(await missingTables(db, seen.search_path));
  return obstacles;
}

const REMEDY =
  'Run: npx signet migrate, which sets it for the role, or prints what an administrator has to run. Then let the pooler connect again (RECONNECT on the console of PgBouncer).';

const schemas: Statement = {
  name: 'platform-schemas',
  text: `select array(select n.nspname::text from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relname = 'mikro_orm_migrations' and c.relkind = 'r' order by 1) as schemas, session_user::text as role, current_database()::text as database`,
};

/** The tables are not where this connection looks. */
async function missingTables(db: Database, searchPath: string): Promise<DatabaseProblem> {
  const [found] = await db.query<{ schemas: string[]; role: string; database: string }>(schemas, []);
  const [schema] = found?.schemas ?? [];
  if (!found || schema === undefined)
    return {
      name: 'empty',
      what: 'The database holds no tables of Signet',
      remedy: 'Run: npx signet migrate',
      isFatal: true,
    };
  const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
  return {
    name: 'elsewhere',
    what: `The tables of Signet are in the schema ${schema}, and search_path = ${searchPath} does not lead there`,
    remedy: `Run: ALTER ROLE ${quoted(found.role)} IN DATABASE ${quoted(found.database)} SET search_path = ${quoted(schema)}`,
    isFatal: true,
  };
}
