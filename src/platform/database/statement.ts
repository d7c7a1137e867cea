import type { SqlEntityManager } from '@mikro-orm/sql';

/**
 * A prepared statement on a hot path; PostgreSQL prepares it once per connection, by its name. Numbers are selected as `::float8` or
 * `::int` and times as `extract(epoch from …)::float8`, because the two engines return other types differently. Never run one inside an ORM
 * transaction: on the embedded engine it would wait for itself.
 */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /** Runs on the pipeline (`hotSelect`). */
  readonly isHotSelect?: true;
}

/**
 * A select of a few rows by index, on a path that every request takes. On PostgreSQL it shares a read-only connection with others, which
 * wait for it: do not list, search, lock or write with it.
 */
export function hotSelect(name: string, text: string): Statement {
  return { name, text, isHotSelect: true };
}

/**
 * Returns what other rooms put after `from` or `join` to read a table of this room: a subselect of the columns that they may read.
 * PostgreSQL plans it as the table itself. Not for rows to lock: a subselect with a lock is planned apart, and locks whatever it reads.
 */
export function view(table: string, ...columns: readonly string[]): (alias: string) => string {
  return (alias) => `(select ${columns.join(', ')} from ${table}) ${alias}`;
}

export type Row = Record<string, unknown>;

/** Runs a statement inside a unit of work, and in its transaction if there is one. */
export function runInUnitOfWork<R = Row>(
  em: SqlEntityManager,
  statement: Statement,
  values: readonly unknown[],
): Promise<R[]> {
  const ordered: unknown[] = [];
  const text = statement.text.replace(/\$(\d+)/g, (_, position: string) => {
    const value = values[Number(position) - 1];
    ordered.push(Array.isArray(value) ? arrayLiteral(value) : value);
    return '?';
  });
  return em.execute(text, ordered) as Promise<R[]>;
}

/** PostgreSQL's array literal (manual, 8.15.2): the ORM would expand the elements to separate values. */
function arrayLiteral(elements: readonly unknown[]): string {
  const element = (one: unknown) => {
    if (one === null) return 'NULL';
    const text = Buffer.isBuffer(one) ? `\\x${one.toString('hex')}` : String(one);
    return `"${text.replace(/["\\]/g, '\\$&')}"`;
  };
  return `{${elements.map(element).join(',')}}`;
}
