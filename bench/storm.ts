import { setTimeout as sleep } from 'node:timers/promises';
import type { Arguments } from './arguments.ts';
import { type Comparison, over, type Plan, type Round, rateOver, type Sample } from './figures.ts';
import {
  AUDIENCE,
  introspectRequest,
  loginRequest,
  PASSWORD,
  sessionRequest,
  tokenOf,
  tokenRequest,
  WRONG_PASSWORD,
} from './fixtures.ts';
import { type Load, type LoadResult, startLoad } from './load/load.ts';
import { request } from './load/request.ts';
import { measureServer, sampleOf, startMeter, type Traffic } from './measure.ts';
import type { Postgresql } from './postgresql.ts';
import { createServers, hashWidth, type RunningSignet } from './servers.ts';
import type { Workspace } from './workspace.ts';

/**
 * Connections on login, as the target says. autocannon cannot wait as `Retry-After` says, so what a connection sends in a second is
 * limited: to about twice what can be hashed, lest clients that are shed do nothing but ask again.
 */
const STORM = { connections: 64, mostPerSecondEach: 2 * hashWidth };
/** More than the queue for hashes takes (64), so that some are shed. */
const OVERFLOW = { connections: 160, mostPerSecondEach: hashWidth };
/** Connections of the work that goes on meanwhile. */
const BESIDE = 8;
const HASH_MIB = 19;

/** Other work while 64 connections log in, right and wrong passwords mixed; each solo first, then in the storm. */
export async function storm(workspace: Workspace, postgresql: Postgresql, given: Arguments): Promise<Plan> {
  const signet = await createServers(workspace, postgresql, given).signet();
  const { server } = signet;
  const beside = Object.entries(trafficBeside(signet));
  const logins = new Logins(signet);
  const solo = beside.map(([name, traffic]) => ({
    id: `solo.${name}`,
    title: `${name}, solo`,
    measure: (seconds: number) => measureServer(server, postgresql, traffic, seconds),
  }));
  const stormy = beside.map(([name, traffic]) => ({
    id: `storm.${name}`,
    title: `${name}, in the storm`,
    measure: (seconds: number) => logins.during(() => measureServer(server, postgresql, traffic, seconds)),
  }));
  const own = [
    {
      id: 'storm.login',
      title: `login, ${STORM.connections} connections, meanwhile`,
      measure: async () => logins.sample(),
    },
    {
      id: 'overflow.login',
      title: `login, ${OVERFLOW.connections} connections, ${hashWidth} a second each`,
      measure: (seconds: number) => overflow(signet, postgresql, seconds),
    },
  ];
  return { notes: [], measured: [...solo, ...stormy, ...own], comparisons: comparisons(signet.idleMiB) };
}

function trafficBeside({ server, client, cookies }: RunningSignet): Record<string, Traffic> {
  const { port } = server;
  const token = tokenRequest(client, AUDIENCE);
  return {
    token: { connections: BESIDE, requests: () => [token] },
    jwks: { connections: BESIDE, requests: () => [request('GET', '/.well-known/jwks.json')] },
    session: { connections: BESIDE, requests: () => cookies.map((cookie) => sessionRequest(cookie)) },
    introspect: {
      connections: BESIDE,
      requests: async () => [introspectRequest(client, await tokenOf(port, token))],
    },
  };
}

function startLogins({ server, usernames }: RunningSignet, much: typeof STORM): Load {
  return startLoad({
    port: server.port,
    ...much,
    requests: usernames.map((name, n) => loginRequest(name, n % 2 === 0 ? PASSWORD : WRONG_PASSWORD)),
    expected: [200, 401, 503],
  });
}

/** The logins of one round's storms, taken together. */
class Logins {
  readonly #signet: RunningSignet;
  #results: LoadResult[] = [];

  constructor(signet: RunningSignet) {
    this.#signet = signet;
  }

  async during(work: () => Promise<Sample>): Promise<Sample> {
    const logins = startLogins(this.#signet, STORM);
    // Until the queue is as full as it gets.
    await sleep(2000);
    logins.begin();
    const sample = await work();
    this.#results.push(await logins.finish());
    return sample;
  }

  sample(): Sample {
    const results = this.#results;
    this.#results = [];
    const sum = (of: (one: LoadResult) => number) => results.reduce((total, one) => total + of(one), 0);
    return {
      rate: sum((one) => one.count) / sum((one) => one.seconds),
      p50Ms: Math.max(...results.map((one) => one.p50Ms)),
      p99Ms: Math.max(...results.map((one) => one.p99Ms)),
      sheds: sum((one) => one.sheds),
      failures: sum((one) => one.failures),
    };
  }
}

async function overflow(signet: RunningSignet, postgresql: Postgresql, seconds: number): Promise<Sample> {
  const meter = startMeter(signet.server, postgresql);
  const logins = startLogins(signet, OVERFLOW);
  logins.begin();
  meter.begin();
  await sleep(seconds * 1000);
  meter.end();
  const result = await logins.finish();
  return { ...sampleOf(result), ...meter.read(result.count) };
}

function comparisons(idleMiB: number): Comparison[] {
  const kept = (name: string): Comparison => ({
    work: name,
    against: 'rate, of solo',
    value: rateOver(`storm.${name}`, `solo.${name}`),
  });
  const p99 = (name: string): Comparison => ({
    work: name,
    against: 'p99, of the larger of twice solo and 15 ms',
    value: (round) =>
      over(round.get(`storm.${name}`)?.p99Ms, Math.max(2 * (round.get(`solo.${name}`)?.p99Ms ?? 0), 15)),
  });
  return [
    kept('introspect'),
    kept('jwks'),
    kept('token'),
    kept('session'),
    p99('token'),
    p99('jwks'),
    {
      work: 'session',
      against: 'p99',
      unit: 'ms',
      value: (round) => round.get('storm.session')?.p99Ms,
    },
    {
      work: `login, ${OVERFLOW.connections} connections`,
      against: 'sheds (503 with Retry-After) a login answered',
      value: shareOfSheds,
    },
    { work: 'memory', against: 'before any load', unit: 'MiB', value: () => idleMiB },
    {
      work: 'memory',
      against: 'in the storm, running hashes apart',
      unit: 'MiB',
      value: most('storm.'),
    },
    {
      work: 'memory',
      against: `${OVERFLOW.connections} logins at once, running hashes apart`,
      unit: 'MiB',
      value: most('overflow.'),
    },
  ];
}

function shareOfSheds(round: Round): number | undefined {
  const sample = round.get('overflow.login');
  return over(sample?.sheds, sample?.answered);
}

function most(prefix: string): Comparison['value'] {
  return (round) => {
    const sizes = [...round].filter(([id]) => id.startsWith(prefix)).map(([, { rssMiB = 0 }]) => rssMiB);
    return sizes.length === 0 ? undefined : Math.max(...sizes) - hashWidth * HASH_MIB;
  };
}
