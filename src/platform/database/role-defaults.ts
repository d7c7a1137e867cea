import type { Database } from './database.ts';
import { SESSION_SETTINGS } from './session-settings.ts';
import type { Statement } from './statement.ts';

/** What the role's connections begin with: behind a pooler in transaction mode nothing else holds. */
export interface RoleDefaults {
  /** Statements that were run. */
  readonly written: readonly string[];
  /** Statements that this role may not run: an administrator has to. */
  readonly refused: readonly string[];
}

export const NO_ROLE_DEFAULTS: RoleDefaults = { written: [], refused: [] };

const wanted = SESSION_SETTINGS.filter(({ sent }) => sent === 'session')
  .map(({ name, value, raw = value }) => `('${name}', '${value}', '${raw}')`)
  .join(', ');

/** `reset_val` is what a connection begins with, whatever has been set on this one. PostgreSQL writes the statements, since it quotes best. */
const lacking: Statement = {
  name: 'platform-role-defaults',
  text: `select format('ALTER ROLE %I IN DATABASE %I SET %s = %L', session_user, current_database(), p.name, p.value) as statement
    from (values ${wanted}) as p (name, value, raw) join pg_catalog.pg_settings s on s.name = p.name
    where s.reset_val is distinct from p.raw`,
};

/** The statements that are still to be run, so that each connection of this role begins as Signet needs it. */
export async function missingRoleDefaults(db: Pick<Database, 'query'>): Promise<string[]> {
  return (await db.query<{ statement: string }>(lacking, [])).map((row) => row.statement);
}

/** Of the role that logged in: it may set its own defaults, unless it acts as another one. To be called by one process at a time. */
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

/** 42501: not allowed. 0A000: an engine that speaks like PostgreSQL and knows no such statement. */
function isRefused(error: unknown): boolean {
  return ['42501', '0A000'].includes((error as { code?: string }).code ?? '');
}
