import type { SqlEntityManager } from '@mikro-orm/sql';

/**
 * A hand-written statement on a hot path. PostgreSQL prepares it once per connection, by its name.
 * Numbers are selected as `::float8` or `::int` and times as `extract(epoch from …)::float8`, because the two engines differ
 * in how they hand over the rest. Never run one inside a transaction of the ORM: it would wait for itself on the embedded engine.
 */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /** Goes by the pipeline (`hotSelect`). */
  readonly isHotSelect?: true;
}

/**
 * A select of a few rows by index, on a path that every request takes. On PostgreSQL it shares a connection with others, which wait
 * until it has answered: nothing that lists, searches, locks or writes belongs there. (The connection is read-only.)
 */
export function hotSelect(name: string, text: string): Statement {
  return { name, text, isHotSelect: true };
}

export type Row = Record<string, unknown>;

/** Runs a statement inside a unit of work, in its transaction if it has one. */
export function runIn<R = Row>(em: SqlEntityManager, statement: Statement, values: readonly unknown[]): Promise<R[]> {
  const ordered: unknown[] = [];
  const text = statement.text.replace(/\$(\d+)/g, (_, position: string) => {
    const value = values[Number(position) - 1];
    ordered.push(Array.isArray(value) ? arrayText(value) : value);
    return '?';
  });
  return em.execute(text, ordered) as Promise<R[]>;
}

/** As PostgreSQL reads an array (its manual, 8.15.2): the ORM would write its elements as so many values. */
function arrayText(elements: readonly unknown[]): string {
  const element = (one: unknown) => {
    if (one === null) return 'NULL';
    const text = Buffer.isBuffer(one) ? `\\x${one.toString('hex')}` : String(one);
    return `"${text.replace(/["\\]/g, '\\$&')}"`;
  };
  return `{${elements.map(element).join(',')}}`;
}
