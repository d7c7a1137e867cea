import pg from 'pg';
import { serialize } from 'pg-protocol';
import type { Row, Statement } from './statement.ts';

/** How the rows of a statement are read. Null until PostgreSQL has described it. */
interface Description {
  columns: readonly Column[] | null;
}

interface Column {
  readonly name: string;
  readonly parse: (text: string) => unknown;
}

/** The connection that a select runs on. */
export interface SelectConnection {
  /** By the names of the statements that were sent on it. */
  readonly descriptions: Map<string, Description>;
  /** What leaves together, in one write, when the turn of the event loop is over. */
  readonly outbox: Buffer[];
  typeParser(oid: number, format: string): (text: string) => unknown;
  /** Called once, with what PostgreSQL answered. */
  settled(select: PipelinedSelect, error: Error | null, rows: Row[]): void;
}

/** The driver's own, which its types do not name. */
const { prepareValue } = (pg as unknown as { utils: { prepareValue(value: unknown): unknown } }).utils;

const EXECUTE_AND_SYNC = Buffer.concat([serialize.execute(), serialize.sync()]);

/**
 * A select on its way through a connection of the driver in pipeline mode, which calls `submit` and hands each message to the query
 * whose turn it is. PostgreSQL describes a statement once a connection; the driver's own query has it described at each run.
 *
 * The driver takes only its own queries in pipeline mode, hence the prototype below. It finds no `name`, so that it leaves the
 * record of prepared statements to this class.
 */
export class PipelinedSelect {
  readonly statement: Statement;
  readonly values: readonly unknown[];
  readonly resolve: (rows: Row[] | Promise<Row[]>) => void;
  readonly reject: (error: Error) => void;
  /** Its promise follows another run. */
  isRerun = false;
  readonly #connection: SelectConnection;
  readonly #bind: Buffer;
  readonly #rows: Row[] = [];
  #description: Description | undefined;
  #unreadable: Error | null = null;

  /** Throws what the driver throws at a value that has no text. */
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
    const { descriptions, outbox } = this.#connection;
    const { name, text } = this.statement;
    this.#description = descriptions.get(name);
    if (this.#description === undefined) {
      this.#description = { columns: null };
      descriptions.set(name, this.#description);
      // Closed first: whoever had this connection before, through a pooler, may have left a statement of that name.
      outbox.push(
        serialize.close({ type: 'S', name }),
        serialize.parse({ name, text }),
        serialize.describe({ type: 'S', name }),
      );
    }
    outbox.push(this.#bind, EXECUTE_AND_SYNC);
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
      for (let place = 0; place < columns.length; place++) {
        const { name, parse } = columns[place] as Column;
        const text = fields[place] as string | null;
        row[name] = text === null ? null : parse(text);
      }
    } catch (error) {
      this.#unreadable = error as Error;
    }
    this.#rows.push(row);
  }

  handleCommandComplete(): void {}

  handleEmptyQuery(): void {}

  handleReadyForQuery(): void {
    this.#connection.settled(this, this.#unreadable, this.#rows);
  }

  handleError(error: Error): void {
    const { descriptions } = this.#connection;
    // It was not parsed, or is not there any more, or its columns have changed: the next run has it parsed again.
    const isLost = this.#description?.columns === null || isForgotten(error);
    if (isLost && descriptions.get(this.statement.name) === this.#description) descriptions.delete(this.statement.name);
    this.#connection.settled(this, error, []);
  }
}

Object.setPrototypeOf(PipelinedSelect.prototype, pg.Query.prototype as object);

/**
 * 26000: the statement is not there, because its Parse failed in a run before this one, or somebody took it away. 0A000: its columns have
 * other types than when it was parsed.
 */
export function isForgotten(error: Error): boolean {
  const { code } = error as { code?: string };
  return code === '26000' || (code === '0A000' && /cached plan/.test(error.message));
}
