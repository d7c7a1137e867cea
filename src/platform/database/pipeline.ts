import type pg from 'pg';
import { clientStream, endClient, PinnedClient } from './client.ts';
import { isStatementLost, PipelinedSelect, type SelectConnection } from './pipelined-select.ts';
import { PIPELINE_SETTINGS, settingStatement, TIMEOUTS_MS } from './session-settings.ts';
import type { Row, Statement } from './statement.ts';

type RunStatement = (statement: Statement, values: readonly unknown[]) => Promise<Row[]>;

/** Runs hot selects over a few connections, each of which accepts the next select before it has answered earlier ones. */
export interface Pipeline {
  /** Runs a select. If no connection can take it now, it runs on the pool, which then also reports any outage. */
  readonly select: RunStatement;
  depth(): PipelineDepth;
  close(): Promise<void>;
}

export interface PipelineDepth {
  /** Open connections. */
  readonly open: number;
  /** Selects waiting for their result. */
  readonly inFlight: number;
}

export interface PipelineOptions {
  readonly client: pg.ClientConfig;
  readonly connections: number;
  /** The pool, for selects that a connection here cannot take or has lost. */
  readonly onPool: RunStatement;
  /** How long a connection may be silent before the selects behind its oldest one run on the pool. */
  readonly stallMs?: number;
  /** How long a connection may be silent before it is closed. */
  readonly deadMs?: number;
  /** How long a server may take to close a connection at the end. */
  readonly closeTimeoutMs?: number;
}

const STALL_MS = 100;
/** PostgreSQL cancels a statement before this, so the connection is dead. */
const DEAD_MS = TIMEOUTS_MS.statement + 2000;
/**
 * A connection queues as many selects as it answers in this time at its current pace, so that a slow database (cold disks after a restart)
 * is queried by all connections of the pool too. The pool, which has a deadline, takes the rest.
 */
const WAIT_MS = 250;
const IN_FLIGHT = { least: 4, most: 1024 };
const RETRY_DELAY_MS = { first: 50, longest: 1000 };

/** Resolves after the first attempt of each connection; failed ones retry in the background. */
export async function openPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { connections, onPool, stallMs = STALL_MS, deadMs = DEAD_MS } = options;
  const slots = Array.from({ length: connections }, () => new Slot(options));
  await Promise.all(slots.map((slot) => slot.open()));
  const openConnections = () => slots.flatMap(({ connection }) => connection ?? []);
  const maxSilentChecks = Math.ceil(deadMs / stallMs);
  let watch: NodeJS.Timeout | null = null;
  const check = () => {
    watch = null;
    // After this turn of the event loop has read the results that arrived while the process was busy.
    setImmediate(() => {
      for (const connection of openConnections()) connection.check(maxSilentChecks);
    });
    if (openConnections().some((connection) => connection.inFlight > 0)) watch = setTimeout(check, stallMs).unref();
  };
  let next = 0;
  const freeConnection = (): PipelineConnection | null => {
    for (let tries = 0; tries < slots.length; tries++) {
      const { connection } = slots[next++ % slots.length] as Slot;
      if (connection?.isFree) return connection;
    }
    return null;
  };
  return {
    select: (statement, values) => {
      const connection = freeConnection();
      if (!connection) return onPool(statement, values);
      watch ??= setTimeout(check, stallMs).unref();
      return connection.run(statement, values);
    },
    depth: () => ({
      open: openConnections().length,
      inFlight: openConnections().reduce((sum, connection) => sum + connection.inFlight, 0),
    }),
    close: async () => {
      await Promise.all(slots.map((slot) => slot.close()));
      if (watch) clearTimeout(watch);
    },
  };
}

/** One slot of the pipeline, which reconnects when its connection breaks. */
class Slot {
  readonly #options: PipelineOptions;
  connection: PipelineConnection | null = null;
  /** The connection that is being established. */
  #connecting: PipelineConnection | null = null;
  #isClosing = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  async open(delay = RETRY_DELAY_MS.first): Promise<void> {
    try {
      // May throw too: the driver reads the files that the URL names, and one of them may be in the middle of a replacement.
      const connection = new PipelineConnection(this.#options, () => {
        if (this.connection !== connection) return;
        this.connection = null;
        this.#retryAfter(RETRY_DELAY_MS.first);
      });
      this.#connecting = connection;
      await connection.connect();
      this.connection = connection;
    } catch {
      this.#connecting?.destroy();
      this.#retryAfter(Math.min(delay * 2, RETRY_DELAY_MS.longest));
    } finally {
      this.#connecting = null;
    }
  }

  #retryAfter(delay: number): void {
    if (!this.#isClosing) this.#retry = setTimeout(() => void this.open(delay), delay).unref();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#retry);
    this.#connecting?.destroy();
    await this.connection?.close();
  }
}

/** One connection of the pipeline. */
class PipelineConnection implements SelectConnection {
  readonly descriptions: SelectConnection['descriptions'] = new Map();
  readonly unsent: Buffer[] = [];
  readonly #client: pg.Client;
  readonly #onPool: RunStatement;
  readonly #closeTimeoutMs: number | undefined;
  /** In the order in which PostgreSQL answers. */
  readonly #inFlight = new Set<PipelinedSelect>();
  #oldest: PipelinedSelect | undefined;
  /** Consecutive checks that found the same select unanswered. */
  #silentChecks = 0;
  /** How many selects may be in flight. */
  #capacity = IN_FLIGHT.most;
  /** Selects answered since the last check. */
  #answeredCount = 0;
  #wasIdle = true;
  #checkedAt = 0;
  #isBroken = false;
  /** Whether a select has already failed with that error. */
  #isReported = false;

  constructor({ client, onPool, closeTimeoutMs }: PipelineOptions, onBroken: () => void) {
    this.#client = new PinnedClient({ ...client, pipeline: true });
    // The URL may set a query timeout. Its timer ends with the callback of the driver's own queries, which a pipelined select does not
    // have, and would close the connection.
    (
      this.#client as unknown as { connectionParameters: { query_timeout: unknown } }
    ).connectionParameters.query_timeout = 0;
    this.#onPool = onPool;
    this.#closeTimeoutMs = closeTimeoutMs;
    const markBroken = () => {
      this.#isBroken = true;
      onBroken();
    };
    this.#client.on('error', markBroken);
    this.#client.on('end', markBroken);
  }

  async connect(): Promise<void> {
    await this.#client.connect();
    const text = settingStatement('requests', PIPELINE_SETTINGS);
    await this.#client.query({ text, query_timeout: TIMEOUTS_MS.connection } as pg.QueryConfig);
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  get isFree(): boolean {
    return this.#silentChecks === 0 && this.#inFlight.size < this.#capacity;
  }

  run(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    return new Promise<Row[]>((resolve, reject) => {
      const select = new PipelinedSelect(this, statement, values, { resolve, reject });
      this.#inFlight.add(select);
      if (this.unsent.length === 0) setImmediate(this.#flush);
      this.#client.query(select as unknown as pg.Query);
    });
  }

  readonly #flush = (): void => {
    if (this.unsent.length > 0) clientStream(this.#client).write(Buffer.concat(this.unsent));
    this.unsent.length = 0;
  };

  typeParser(oid: number, format: string): (text: string) => unknown {
    return this.#client.getTypeParser(oid, format as 'text') as (text: string) => unknown;
  }

  onSettled(select: PipelinedSelect, error: Error | null, rows: Row[]): void {
    this.#inFlight.delete(select);
    this.#silentChecks = 0;
    this.#answeredCount++;
    if (this.#inFlight.size === 0) this.#wasIdle = true;
    if (error === null) select.resolve(rows);
    else if (isStatementLost(error) || this.#isReported) this.#rerun(select);
    else {
      // The select that PostgreSQL was running fails, as on the pool; those behind it had not started.
      this.#isReported = this.#isBroken || isConnectionEnd(error);
      select.reject(error);
    }
  }

  /** A select changes nothing, so it may run twice; the pool's result counts. */
  #rerun(select: PipelinedSelect): void {
    if (select.isRerun) return;
    select.isRerun = true;
    select.resolve(this.#onPool(select.statement, select.values));
  }

  /** Moves the selects behind a blocked one (a lock, a slow disk) to the pool; closes a connection that has stopped answering. */
  check(maxSilentChecks: number): void {
    this.#measure(performance.now());
    const [oldest] = this.#inFlight;
    if (oldest === undefined || oldest !== this.#oldest) {
      this.#oldest = oldest;
      return;
    }
    this.#silentChecks++;
    if (this.#silentChecks === 1) for (const select of this.#inFlight) if (select !== oldest) this.#rerun(select);
    if (this.#silentChecks > maxSilentChecks) this.destroy();
  }

  /** The pace is measurable only under constant load; a connection that was idle at times was fast enough. */
  #measure(now: number): void {
    const answeredInWait = (this.#answeredCount * WAIT_MS) / (now - this.#checkedAt);
    this.#capacity = Math.min(
      IN_FLIGHT.most,
      this.#wasIdle ? this.#capacity * 2 : Math.max(IN_FLIGHT.least, answeredInWait),
    );
    this.#answeredCount = 0;
    this.#wasIdle = this.#inFlight.size === 0;
    this.#checkedAt = now;
  }

  destroy(): void {
    clientStream(this.#client).destroy();
  }

  /** Waits for the selects in flight, unless they are stuck. */
  async close(): Promise<void> {
    if (this.#silentChecks > 0) this.destroy();
    await endClient(this.#client, this.#closeTimeoutMs);
  }
}

/** 57P01 and related codes: PostgreSQL closes the connection. */
function isConnectionEnd(error: Error): boolean {
  return /^57P/.test((error as { code?: string }).code ?? '');
}
