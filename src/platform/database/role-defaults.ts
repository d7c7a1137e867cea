import type { Database } from './database.ts';
import { SESSION_SETTINGS } from './session-settings.ts';
import type { Statement } from './statement.ts';

/** Defaults of the role's connections: the only settings that hold behind a pooler in transaction mode. */
export interface RoleDefaults {
  /** Statements that were run. */
  readonly written: readonly string[];
  /** Statements that this role may not run: an administrator must. */
  readonly refused: readonly string[];
}

export const NO_ROLE_DEFAULTS: RoleDefaults = { written: [], refused: [] };

const settingRows = SESSION_SETTINGS.filter(({ sent }) => sent === 'session')
  .map(({ name, value, raw = value }) => `('${name}', '${value}', '${raw}')`)
  .join(', ');

/** `reset_val` is the value at the start of a connection, whatever was set since. PostgreSQL formats the statements, because it quotes correctly. */
const missing: Statement = {
  name: 'platform-role-defaults',
  text: `select format('ALTER ROLE %I IN DATABASE %I SET %s = %L', session_user, current_database(), p.name, p.value) as statement
    from (values ${settingRows}) as p (name, value, raw) join pg_catalog.pg_settings s on s.name = p.name
    where s.reset_val is distinct from p.raw`,
};

/** Returns the statements still needed so that every connection of this role starts with Signet's settings. */
export async function missingRoleDefaults(db: Pick<Database, 'query'>): Promise<string[]> {
  return (await db.query<{ statement: string }>(missing, [])).map((row) => row.statement);
}

/** Writes the defaults of the login role, which may set its own unless it acts as another role. Only one process may call this at a time. */
export async function writeRoleDefaults(db: Pick<Database, 'query' | 'fork'>): Promise<RoleDefaults> {
  const [written, refused]: [string[], string[]] = [[], []];
  for (const statement of await missingRoleDefaults(db)) {
    try {
      await db.fork().transactional(async (tx) => {
        await tx.execute('set local transaction_read_only = off');
        await tx.execute(statement);
      });
      written.push(statement);
    } catch (error) {
      if (!isRefused(error)) throw error;
      refused.push(statement);
    }
  }
  return { written, refused };
}

/** 42501: insufficient privilege. 0A000: an engine compatible with PostgreSQL lacks the statement. */
function isRefused(error: unknown): boolean {
  return ['42501', '0A000'].includes((error as { code?: string }).code ?? '');
}
