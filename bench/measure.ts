import type { Plan, Sample } from './figures.ts';
import { ask } from './load/ask.ts';
import { type LoadPlan, type LoadResult, load } from './load/load.ts';
import type { PlannedRequest } from './load/request.ts';
import type { Postgresql } from './postgresql.ts';
import { cpuMicros, residentMiB } from './proc.ts';
import type { Server } from './servers/server.ts';
import { say } from './workspace.ts';

export interface Traffic {
  readonly connections: number;
  /** Made anew before each measurement: tokens expire. */
  requests(): Promise<readonly PlannedRequest[]> | readonly PlannedRequest[];
  readonly expected?: readonly number[];
  /** Throws where the first answer, before the load, is not what the row measures. */
  demand?(answer: string): void;
  /** Every request can be sent once only: none is tried before the load. */
  readonly isOnce?: boolean;
}

/** Loads one server for some seconds and reads what it cost, from outside. */
export async function measureServer(
  server: Server,
  postgresql: Postgresql,
  traffic: Traffic,
  seconds: number,
): Promise<Sample> {
  const expected = traffic.expected ?? [200];
  const requests = await tried(server, traffic, await traffic.requests(), expected[0]);
  const meter = startMeter(server, postgresql);
  const plan: LoadPlan = {
    port: server.port,
    requests,
    connections: traffic.connections,
    seconds,
    warmupSeconds: Math.min(2, seconds / 4),
    expected,
    onBegin: meter.begin,
    onEnd: meter.end,
  };
  const result = await load(plan);
  return { ...sampleOf(result), ...meter.read(result.count) };
}

/** One answer is looked at before any is counted. Where the next request is in the answer to the one before, that one is spent. */
async function tried(
  server: Server,
  traffic: Traffic,
  requests: readonly PlannedRequest[],
  expected = 200,
): Promise<readonly PlannedRequest[]> {
  const [first, ...rest] = requests;
  if (first === undefined) throw new Error(`There is nothing to ask ${server.name}.`);
  if (traffic.isOnce) return requests;
  const { body } = await ask(server.port, first, expected);
  try {
    traffic.demand?.(body);
  } catch (error) {
    throw new Error(`${server.name}, ${first.method} ${first.path}: ${(error as Error).message}`, { cause: error });
  }
  const next = first.next?.(body);
  return next === undefined ? requests : [{ ...first, body: next }, ...rest];
}

export function sampleOf(result: LoadResult): Sample {
  const { count: answered, rate, p50Ms, p99Ms, sheds, failures, generatorShare } = result;
  return { answered, rate, p50Ms, p99Ms, sheds, failures, generatorShare };
}

/** Processor time of a server and its database between two moments, and the most memory in between. */
export function startMeter(server: Server, postgresql: Postgresql) {
  let own = 0;
  let database: number | undefined;
  let rssMiB = 0;
  const look = () => {
    rssMiB = Math.max(rssMiB, residentMiB(server.pid));
  };
  const timer = setInterval(look, 500);
  return {
    begin: () => {
      own = cpuMicros(server.pid);
      database = postgresql.cpuMicros();
    },
    end: () => {
      clearInterval(timer);
      look();
      own = cpuMicros(server.pid) - own;
      const after = postgresql.cpuMicros();
      database = after === undefined || database === undefined ? undefined : after - database;
    },
    /** Without an answer there is nothing that a request cost. */
    read: (count: number): Sample => ({
      ...(count === 0 ? {} : { cpuMicros: own / count }),
      ...(count === 0 || database === undefined ? {} : { databaseCpuMicros: database / count }),
      rssMiB,
    }),
  };
}

/** Every measurement once a round, one after the other: what changes on the machine meets all of them alike. */
export async function measureRounds(plan: Plan, rounds: number, seconds: number): Promise<Map<string, Sample>[]> {
  const done: Map<string, Sample>[] = [];
  for (let round = 1; round <= rounds; round++) {
    const samples = new Map<string, Sample>();
    for (const [n, one] of plan.measured.entries()) {
      const sample = await one.measure(seconds);
      samples.set(one.id, sample);
      say(`round ${round}/${rounds} · ${n + 1}/${plan.measured.length} · ${one.title}: ${briefly(sample)}`);
    }
    done.push(samples);
  }
  return done;
}

function briefly({ rate, p50Ms, p99Ms, cpuMicros: cpu, seconds, sheds, failures, generatorShare }: Sample): string {
  const parts = [
    rate === undefined ? '' : `${rate.toFixed(rate < 100 ? 1 : 0)}/s`,
    p99Ms === undefined ? '' : `p50 ${p50Ms?.toFixed(2)} p99 ${p99Ms.toFixed(2)} ms`,
    cpu === undefined ? '' : `cpu ${cpu.toFixed(0)} µs`,
    seconds === undefined ? '' : `${seconds.toFixed(2)} s`,
    generatorShare === undefined ? '' : `generator ${Math.round(generatorShare * 100)} %`,
    sheds ? `${sheds} shed` : '',
    failures ? `${failures} FAILED` : '',
  ];
  return parts.filter(Boolean).join(', ');
}
