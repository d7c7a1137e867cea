import { setImmediate } from 'node:timers/promises';
import type { SqlEntityManager } from '@mikro-orm/sql';

/** A query of rows with named columns, and the values of its placeholders `?` in their order. */
export interface RowQuery {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** Changes a room's rows in one statement, for all rows of a query. */
type BulkVerb = (tx: SqlEntityManager, rows: RowQuery) => Promise<void>;

/** Returns the verb that inserts the rows of a query, which has these columns, in the order of the query. */
export function bulkInsert(table: string, columns: string, onConflict = ''): BulkVerb {
  return async (tx, { sql, values }) => {
    await tx.execute(`insert into ${table} (${columns}) select ${columns} from (${sql}) r ${onConflict}`, [...values]);
  };
}

/** Returns the verb that deletes the rows whose key is one of a query's rows, which has these columns. */
export function bulkDelete(table: string, ...key: readonly string[]): BulkVerb {
  const isSame = key.map((column) => `t.${column} = r.${column}`).join(' and ');
  return async (tx, { sql, values }) => {
    await tx.execute(`delete from ${table} t using (${sql}) r where ${isSame}`, [...values]);
  };
}

/** A list as one parameter, in JSON. An array instead of a join, so that an index is used even with wrong table statistics. */
export const anyText = 'any(array(select jsonb_array_elements_text(?::jsonb)))';
export const anyId = 'any(array(select jsonb_array_elements_text(?::jsonb)::uuid))';

/**
 * Updates the planner's statistics after a bulk change. PostgreSQL does so within a minute, the embedded engine never; until then
 * every login would scan whole tables. Errors are ignored: a role without the privilege gets a warning.
 */
export async function analyzeTables(em: SqlEntityManager, ...tables: readonly string[]): Promise<void> {
  for (const table of tables) {
    await em.execute(`analyze ${table}`).catch(() => {});
    await setImmediate();
  }
}
