import type pg from 'pg';
import { clientStream, endClient, PinnedClient } from './client.ts';
import { isForgotten, PipelinedSelect, type SelectConnection } from './pipelined-select.ts';
import { PIPELINE_SETTINGS, settingStatement, TIMEOUTS_MS } from './session-settings.ts';
import type { Row, Statement } from './statement.ts';

type Run = (statement: Statement, values: readonly unknown[]) => Promise<Row[]>;

/** Hot selects over a few connections, each of which takes the next select before it has answered the ones before. */
export interface Pipeline {
  /** Runs a select. On the pool where no connection can take it now, so that an outage is the one that the pool reports. */
  readonly select: Run;
  depth(): PipelineDepth;
  close(): Promise<void>;
}

export interface PipelineDepth {
  /** Connections that are open. */
  readonly open: number;
  /** Selects that wait for their answer. */
  readonly inFlight: number;
}

export interface PipelineOptions {
  readonly client: pg.ClientConfig;
  readonly connections: number;
  /** The other way to the database, for what a connection here cannot take or has lost. */
  readonly onPool: Run;
  /** How long a connection may answer nothing before the selects behind its oldest one run on the pool. */
  readonly stallMs?: number;
  /** How long before it is ended. */
  readonly deadMs?: number;
  /** How long a server may take to hang up at the end. */
  readonly farewellMs?: number;
}

const STALL_MS = 100;
/** PostgreSQL itself ends a statement before this, so the connection is dead. */
const DEAD_MS = TIMEOUTS_MS.statement + 2000;
/**
 * Selects that wait on one connection: as many as it answers in this time at its pace, so that a database which is slow (its disks after a
 * restart) is asked by all connections of the pool too. The pool, which has a deadline, takes those beyond.
 */
const WAIT_MS = 250;
const IN_FLIGHT = { least: 4, most: 1024 };
const RETRY_MS = { first: 50, longest: 1000 };

/** Resolves once each connection was tried; those that failed are tried again in the background. */
export async function openPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { connections, onPool, stallMs = STALL_MS, deadMs = DEAD_MS } = options;
  const lanes = Array.from({ length: connections }, () => new Lane(options));
  await Promise.all(lanes.map((lane) => lane.open()));
  const links = () => lanes.flatMap(({ link }) => link ?? []);
  const maxSilentChecks = Math.ceil(deadMs / stallMs);
  let watch: NodeJS.Timeout | null = null;
  const check = () => {
    watch = null;
    // After this turn has read the answers that came while the process was busy.
    setImmediate(() => {
      for (const link of links()) link.check(maxSilentChecks);
    });
    if (links().some((link) => link.inFlight > 0)) watch = setTimeout(check, stallMs).unref();
  };
  let next = 0;
  const freeLink = (): OneTimeToken | null => {
    for (let tries = 0; tries < lanes.length; tries++) {
      const { link } = lanes[next++ % lanes.length] as Lane;
      if (link?.isFree) return link;
    }
    return null;
  };
  return {
    select: (statement, values) => {
      const link = freeLink();
      if (!link) return onPool(statement, values);
      watch ??= setTimeout(check, stallMs).unref();
      return link.run(statement, values);
    },
    depth: () => ({
      open: links().length,
      inFlight: links().reduce((sum, link) => sum + link.inFlight, 0),
    }),
    close: async () => {
      await Promise.all(lanes.map((lane) => lane.close()));
      if (watch) clearTimeout(watch);
    },
  };
}

/** A place for one connection, which is opened again whenever it breaks. */
class Lane {
  readonly #options: PipelineOptions;
  link: OneTimeToken | null = null;
  /** While it connects. */
  #next: OneTimeToken | null = null;
  #isClosing = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  async open(delay = RETRY_MS.first): Promise<void> {
    try {
      // May throw too: the driver reads the files that the URL names, and one of them may just be exchanged.
      const link = new OneTimeToken(this.#options, () => {
        if (this.link !== link) return;
        this.link = null;
        this.#retryAfter(RETRY_MS.first);
      });
      this.#next = link;
      await link.connect();
      this.link = link;
    } catch {
      this.#next?.destroy();
      this.#retryAfter(Math.min(delay * 2, RETRY_MS.longest));
    } finally {
      this.#next = null;
    }
  }

  #retryAfter(delay: number): void {
    if (!this.#isClosing) this.#retry = setTimeout(() => void this.open(delay), delay).unref();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#retry);
    this.#next?.destroy();
    await this.link?.close();
  }
}

/** One connection, from its beginning to its end. */
class OneTimeToken implements SelectConnection {
  readonly descriptions: SelectConnection['descriptions'] = new Map();
  readonly outbox: Buffer[] = [];
  readonly #client: pg.Client;
  readonly #onPool: Run;
  readonly #farewellMs: number | undefined;
  /** In the order in which PostgreSQL answers. */
  readonly #inFlight = new Set<PipelinedSelect>();
  #oldest: PipelinedSelect | undefined;
  /** Checks in a row that found the same select unanswered. */
  #silentChecks = 0;
  /** How many may be in flight. */
  #room = IN_FLIGHT.most;
  /** Since the last check, and when that was. */
  #answered = 0;
  #wasIdle = true;
  #checkedAt = 0;
  #isBroken = false;
  /** A select has failed because of that. */
  #isReported = false;

  constructor({ client, onPool, farewellMs }: PipelineOptions, gone: () => void) {
    this.#client = new PinnedClient({ ...client, pipeline: true });
    // The URL may name one. Its timer ends with the callback of the driver's own queries, which a select does not have, and would end the connection.
    (
      this.#client as unknown as { connectionParameters: { query_timeout: unknown } }
    ).connectionParameters.query_timeout = 0;
    this.#onPool = onPool;
    this.#farewellMs = farewellMs;
    const broken = () => {
      this.#isBroken = true;
      gone();
    };
    this.#client.on('error', broken);
    this.#client.on('end', broken);
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
    return this.#silentChecks === 0 && this.#inFlight.size < this.#room;
  }

  run(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    return new Promise<Row[]>((resolve, reject) => {
      const select = new PipelinedSelect(this, statement, values, { resolve, reject });
      this.#inFlight.add(select);
      if (this.outbox.length === 0) setImmediate(this.#flush);
      this.#client.query(select as unknown as pg.Query);
    });
  }

  readonly #flush = (): void => {
    if (this.outbox.length > 0) clientStream(this.#client).write(Buffer.concat(this.outbox));
    this.outbox.length = 0;
  };

  typeParser(oid: number, format: string): (text: string) => unknown {
    return this.#client.getTypeParser(oid, format as 'text') as (text: string) => unknown;
  }

  settled(select: PipelinedSelect, error: Error | null, rows: Row[]): void {
    this.#inFlight.delete(select);
    this.#silentChecks = 0;
    this.#answered++;
    if (this.#inFlight.size === 0) this.#wasIdle = true;
    if (error === null) select.resolve(rows);
    else if (isForgotten(error) || this.#isReported) this.#rerun(select);
    else {
      // The one that PostgreSQL was at fails, as on the pool; those behind it were not begun.
      this.#isReported = this.#isBroken || isLastWord(error);
      select.reject(error);
    }
  }

  /** A select changes nothing, so it may run twice; the pool's answer is the one that counts. */
  #rerun(select: PipelinedSelect): void {
    if (select.isRerun) return;
    select.isRerun = true;
    select.resolve(this.#onPool(select.statement, select.values));
  }

  /** Takes the selects behind one that waits, for a lock or a slow disk, to the pool; ends a connection that answers no more. */
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

  /** Its pace shows only while it always has something to answer; what had nothing at times was quick enough. */
  #measure(now: number): void {
    const inTime = (this.#answered * WAIT_MS) / (now - this.#checkedAt);
    this.#room = Math.min(IN_FLIGHT.most, this.#wasIdle ? this.#room * 2 : Math.max(IN_FLIGHT.least, inTime));
    this.#answered = 0;
    this.#wasIdle = this.#inFlight.size === 0;
    this.#checkedAt = now;
  }

  destroy(): void {
    clientStream(this.#client).destroy();
  }

  /** Waits for what is in flight, unless that is stuck. */
  async close(): Promise<void> {
    if (this.#silentChecks > 0) this.destroy();
    await endClient(this.#client, this.#farewellMs);
  }
}

/** 57P01 and its siblings: PostgreSQL ends the connection. */
function isLastWord(error: Error): boolean {
  return /^57P/.test((error as { code?: string }).code ?? '');
}
