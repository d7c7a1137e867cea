import pg from 'pg';
import { serialize } from 'pg-protocol';
import type { Row, Statement } from './statement.ts';

/** How to read the rows of a statement; null until PostgreSQL has described it. */
interface Description {
  columns: readonly Column[] | null;
}

interface Column {
  readonly name: string;
  readonly parse: (text: string) => unknown;
}

/** The connection on which a select runs. */
export interface SelectConnection {
  /** By the names of the statements sent on it. */
  readonly descriptions: Map<string, Description>;
  /** Buffered messages, sent in one write at the end of the event loop turn. */
  readonly unsent: Buffer[];
  typeParser(oid: number, format: string): (text: string) => unknown;
  /** Called once, with PostgreSQL's result. */
  onSettled(select: PipelinedSelect, error: Error | null, rows: Row[]): void;
}

/** Part of the driver that its types do not declare. */
const { prepareValue } = (pg as unknown as { utils: { prepareValue(value: unknown): unknown } }).utils;

const EXECUTE_AND_SYNC = Buffer.concat([serialize.execute(), serialize.sync()]);

/**
 * A select on a connection of the driver in pipeline mode. The driver calls `submit` and passes each message to the query whose turn it is.
 * PostgreSQL describes a statement once per connection; the driver's own queries describe it at each run.
 *
 * In pipeline mode the driver accepts only its own queries, hence the prototype below. There is no `name`, so the driver leaves the record
 * of prepared statements to this class.
 */
export class PipelinedSelect {
  readonly statement: Statement;
  readonly values: readonly unknown[];
  readonly resolve: (rows: Row[] | Promise<Row[]>) => void;
  readonly reject: (error: Error) => void;
  /** Its promise follows the rerun. */
  isRerun = false;
  readonly #connection: SelectConnection;
  readonly #bind: Buffer;
  readonly #rows: Row[] = [];
  #description: Description | undefined;
  #parseError: Error | null = null;

  /** Throws the driver's error for a value that cannot be serialized. */
  constructor(
    connection: SelectConnection,
    statement: Statement,
    values: readonly unknown[],
    promise: Pick<PromiseWithResolvers<Row[]>, 'resolve' | 'reject'>,
  ) {
    this.statement = statement;
    this.values = values;
    this.resolve = promise.resolve;
    this.reject = promise.reject;
    this.#connection = connection;
    this.#bind = serialize.bind({
      statement: statement.name,
      values: values as unknown[],
      valueMapper: prepareValue,
    });
  }

  submit(): null {
    const { descriptions, unsent } = this.#connection;
    const { name, text } = this.statement;
    this.#description = descriptions.get(name);
    if (this.#description === undefined) {
      this.#description = { columns: null };
      descriptions.set(name, this.#description);
      // Closed first: behind a pooler, a previous client of this connection may have left a statement of that name.
      unsent.push(
        serialize.close({ type: 'S', name }),
        serialize.parse({ name, text }),
        serialize.describe({ type: 'S', name }),
      );
    }
    unsent.push(this.#bind, EXECUTE_AND_SYNC);
    return null;
  }

  handleRowDescription({ fields }: { fields: readonly pg.FieldDef[] }): void {
    (this.#description as Description).columns = fields.map(({ name, dataTypeID, format }) => ({
      name,
      parse: this.#connection.typeParser(dataTypeID, format),
    }));
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    const columns = (this.#description as Description).columns as readonly Column[];
    const row: Row = {};
    try {
      for (let column = 0; column < columns.length; column++) {
        const { name, parse } = columns[column] as Column;
        const text = fields[column] as string | null;
        row[name] = text === null ? null : parse(text);
      }
    } catch (error) {
      this.#parseError = error as Error;
    }
    this.#rows.push(row);
  }

  handleCommandComplete(): void {}

  handleEmptyQuery(): void {}

  handleReadyForQuery(): void {
    this.#connection.onSettled(this, this.#parseError, this.#rows);
  }

  handleError(error: Error): void {
    const { descriptions } = this.#connection;
    // It was not parsed, was dropped, or its columns have changed: the next run parses it again.
    const isInvalid = this.#description?.columns === null || isStatementLost(error);
    if (isInvalid && descriptions.get(this.statement.name) === this.#description)
      descriptions.delete(this.statement.name);
    this.#connection.onSettled(this, error, []);
  }
}

Object.setPrototypeOf(PipelinedSelect.prototype, pg.Query.prototype as object);

/**
 * 26000: the statement does not exist, because its Parse failed in an earlier run or it was deallocated. 0A000: its column types have
 * changed since it was parsed.
 */
export function isStatementLost(error: Error): boolean {
  const { code } = error as { code?: string };
  return code === '26000' || (code === '0A000' && /cached plan/.test(error.message));
}
