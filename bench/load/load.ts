import { createHistogram } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AutocannonClient, type AutocannonRequest, autocannon } from './autocannon.ts';
import type { PlannedRequest } from './request.ts';

export interface LoadPlan {
  readonly port: number;
  /** Taken in turn by all connections together. */
  readonly requests: readonly PlannedRequest[];
  readonly connections: number;
  readonly seconds: number;
  /** Sent before, and not counted. */
  readonly warmupSeconds: number;
  /** Answers other than these are failures. */
  readonly expected: readonly number[];
  /** What a connection sends at most in a second, where it does not send as much as it can. */
  readonly mostPerSecondEach?: number;
  /** Around the counted part: where the processor time of the server is read. */
  readonly onBegin?: () => void;
  readonly onEnd?: () => void;
}

export interface LoadResult {
  readonly count: number;
  readonly seconds: number;
  readonly rate: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly statuses: Record<string, number>;
  /** 503 with Retry-After. */
  readonly sheds: number;
  /** Unexpected answers and requests that were never answered. */
  readonly failures: number;
  /** Part of one core that this generator used: near 1 it is the limit, not the server. */
  readonly generatorShare: number;
}

/** A running load. `finish` ends the counted part and closes every connection. */
export interface Load {
  begin(): void;
  finish(): Promise<LoadResult>;
}

/** Longer than any run; `finish` ends it. */
const DAY_SECONDS = 86_400;
const TIMEOUT_SECONDS = 60;

/** autocannon in a closed loop: every connection sends its next request when the answer to the one before is there. */
export function startLoad(plan: Omit<LoadPlan, 'seconds' | 'warmupSeconds'>): Load {
  const tally = new Tally(plan.expected);
  let began = process.hrtime.bigint();
  let cpu = process.cpuUsage();
  let connected = 0;
  const run = autocannon({
    url: `http://127.0.0.1:${plan.port}`,
    connections: plan.connections,
    duration: DAY_SECONDS,
    timeout: TIMEOUT_SECONDS,
    sampleInt: 100,
    ...(plan.mostPerSecondEach === undefined
      ? {}
      : { connectionRate: plan.mostPerSecondEach, ignoreCoordinatedOmission: true }),
    setupClient: (client) => {
      client.setRequests(turnOf(connected++, plan));
      tally.watch(client);
    },
  });
  return {
    begin() {
      tally.reset();
      plan.onBegin?.();
      cpu = process.cpuUsage();
      began = process.hrtime.bigint();
    },
    async finish() {
      const seconds = Number(process.hrtime.bigint() - began) / 1e9;
      const used = process.cpuUsage(cpu);
      plan.onEnd?.();
      const figures = tally.read();
      run.stop();
      await run;
      return {
        ...figures,
        seconds,
        rate: figures.count / seconds,
        generatorShare: (used.user + used.system) / 1e6 / seconds,
      };
    },
  };
}

/** What one of the connections sends, again and again, so that all of them together take the requests in turn. */
function turnOf(nth: number, plan: Pick<LoadPlan, 'requests' | 'connections'>): AutocannonRequest[] {
  const { requests, connections } = plan;
  const first = nth % requests.length;
  const turn: AutocannonRequest[] = [];
  let at = first;
  do {
    turn.push(sent(requests[at] as PlannedRequest));
    at = (at + connections) % requests.length;
  } while (at !== first);
  return turn;
}

/** autocannon writes into what it is given, so each connection has its own. */
function sent({ next, ...planned }: PlannedRequest): AutocannonRequest {
  if (!next) return planned;
  let { body } = planned;
  return {
    ...planned,
    setupRequest: (request) => ({ ...request, body }),
    onResponse: (_status, answer) => {
      body = next(answer) ?? body;
    },
  };
}

/** Counts and times the answers of every connection; autocannon's own statistics know whole milliseconds only. */
class Tally {
  readonly #expected: readonly number[];
  readonly #histogram = createHistogram({ lowest: 1, highest: 600_000_000_000, figures: 3 });
  readonly #watched: { sent: number; answered: number }[] = [];
  #statuses: Record<string, number> = {};
  #count = 0;
  #sheds = 0;
  #unexpected = 0;
  #lostBefore = 0;

  constructor(expected: readonly number[]) {
    this.#expected = expected;
  }

  watch(client: AutocannonClient): void {
    const own = { sent: 0, answered: 0 };
    let hasRetryAfter = false;
    this.#watched.push(own);
    client.on('request', () => {
      own.sent++;
    });
    client.on('headers', ({ statusCode, headers }) => {
      hasRetryAfter =
        statusCode === 503 && headers.some((name, n) => n % 2 === 0 && name.toLowerCase() === 'retry-after');
    });
    client.on('response', (status, _bytes, milliseconds) => {
      own.answered++;
      this.#take(status, milliseconds, hasRetryAfter);
    });
  }

  #take(status: number, milliseconds: number, isShed: boolean): void {
    this.#histogram.record(Math.max(1, Math.round(milliseconds * 1e6)));
    this.#count++;
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
    if (isShed) this.#sheds++;
    if (!this.#expected.includes(status) || (status === 503 && !isShed)) this.#unexpected++;
  }

  reset(): void {
    this.#histogram.reset();
    this.#statuses = {};
    this.#count = 0;
    this.#sheds = 0;
    this.#unexpected = 0;
    this.#lostBefore = this.#lost();
  }

  read(): Omit<LoadResult, 'seconds' | 'rate' | 'generatorShare'> {
    const millis = (nanoseconds: number) => (this.#count === 0 ? Number.NaN : nanoseconds / 1e6);
    return {
      count: this.#count,
      p50Ms: millis(this.#histogram.percentile(50)),
      p99Ms: millis(this.#histogram.percentile(99)),
      maxMs: millis(this.#histogram.max),
      statuses: { ...this.#statuses },
      sheds: this.#sheds,
      failures: this.#unexpected + this.#lost() - this.#lostBefore,
    };
  }

  /** Each connection waits for one answer at most; what else was not answered never will be. */
  #lost(): number {
    return this.#watched.reduce((sum, { sent, answered }) => sum + Math.max(0, sent - answered - 1), 0);
  }
}

export async function load(plan: LoadPlan): Promise<LoadResult> {
  const running = startLoad(plan);
  await sleep(plan.warmupSeconds * 1000);
  running.begin();
  await sleep(plan.seconds * 1000);
  return running.finish();
}
