import type { SqlEntityManager } from '@mikro-orm/sql';

/**
 * A hand-written statement on a hot path. PostgreSQL prepares it once per connection, by its name.
 * Numbers are selected as `::float8` or `::int` and times as `extract(epoch from …)::float8`, because the two engines differ
 * in how they hand over the rest. Never run one inside a transaction of the ORM: it would wait for itself on the embedded engine.
 */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

export type Row = Record<string, unknown>;

/** Runs a statement inside a unit of work, in its transaction if it has one. */
export function runIn<R = Row>(em: SqlEntityManager, statement: Statement, values: readonly unknown[]): Promise<R[]> {
  const ordered: unknown[] = [];
  const text = statement.text.replace(/\$(\d+)/g, (_, position: string) => {
    ordered.push(values[Number(position) - 1]);
    return '?';
  });
  return em.execute(text, ordered) as Promise<R[]>;
}
