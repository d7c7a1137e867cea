import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Measured } from './figures.ts';
import { type Fixtures, logIn, prepareSignet } from './fixtures.ts';
import { type Limit, measureLimit } from './limits/limit.ts';
import { ask, cookieOf } from './load/ask.ts';
import { request } from './load/request.ts';
import { measureServer, type Traffic } from './measure.ts';
import { type OptionalPeer, optionalPeers } from './peers/optional.ts';
import type { Peer, Work } from './peers/peer.ts';
import { peerPassword } from './peers/requests.ts';
import type { Postgresql } from './postgresql.ts';
import { residentMiB } from './proc.ts';
import { startBare } from './servers/bare.ts';
import { startBetterAuth } from './servers/better-auth.ts';
import { startOidcProvider } from './servers/oidc-provider.ts';
import type { Server } from './servers/server.ts';
import { type Installation, prepareInstallation, startSignet } from './servers/signet.ts';
import { say, type Workspace } from './workspace.ts';

/** Hashes that run at once: as `SIGNET_HASH_WIDTH` stands by itself. */
export const hashWidth = Math.max(1, availableParallelism() - 1);

export interface RunningSignet extends Fixtures {
  readonly server: Server;
  readonly installation: Installation;
  readonly databaseUrl: string;
  readonly cookies: string[];
  /** Resident memory after the start, before the first request. */
  readonly idleMiB: number;
}

export interface RunningBetterAuth {
  readonly server: Server;
  readonly emails: string[];
  readonly cookies: string[];
}

/** Who takes part. A server is started when the first row asks for it. */
export interface Servers {
  signet(): Promise<RunningSignet>;
  bare(): Promise<Server>;
  oidcProvider(): Promise<Peer>;
  betterAuth(): Promise<RunningBetterAuth>;
  /** Those that do this work, and why others that would are absent. */
  peers(work: Work): Promise<{ peers: Peer[]; absent: string[] }>;
  /** A measurement of a server under traffic. */
  served(id: string, title: string, server: Server, traffic: Traffic): Measured;
  /** A limit. Its parameter may be made before each measurement: tokens expire. */
  limited(id: string, title: string, what: Limit, parameter?: string | (() => Promise<string>)): Measured;
}

const PEER_USERS = 40;

export interface ServerOptions {
  readonly profileTo?: string | undefined;
  /** The optional peers that take part, as far as they are installed; undefined: all. */
  readonly peers?: readonly string[] | undefined;
}

export function createServers(workspace: Workspace, postgresql: Postgresql, options: ServerOptions): Servers {
  const oidcProvider = once(() => startOidcProvider(workspace));
  const withPostgresql = once(async () =>
    startOidcProvider(workspace, await postgresql.createDatabase('oidc_provider_bench')),
  );
  const chosen = optionalPeers
    .filter(({ name }) => options.peers?.includes(name) ?? true)
    .map((peer) => ({ ...peer, start: once(() => startOptional(workspace, postgresql, peer)) }));
  return {
    signet: once(() => startRunningSignet(workspace, postgresql, options.profileTo)),
    bare: once(() => startBare(workspace)),
    oidcProvider,
    async peers(work) {
      const own = [await oidcProvider(), await withPostgresql()];
      const others = await inOrder(chosen.filter(({ works }) => works.includes(work)));
      return {
        peers: [...own, ...others.filter((one) => typeof one !== 'string')].filter((one) => work in one.tasks),
        absent: others.filter((one) => typeof one === 'string'),
      };
    },
    betterAuth: once(() => startRunningBetterAuth(workspace, postgresql)),
    served: (id, title, server, traffic) => ({
      id,
      title,
      measure: (seconds) => measureServer(server, postgresql, traffic, seconds),
    }),
    limited: (id, title, what, parameter) => ({
      id,
      title,
      measure: async (seconds) => {
        const given = typeof parameter === 'function' ? await parameter() : parameter;
        const before = postgresql.cpuMicros();
        const { rate, microsEach, statements } = await measureLimit(workspace, what, seconds, given);
        const after = postgresql.cpuMicros();
        if (statements === undefined || before === undefined || after === undefined)
          return { rate, cpuMicros: microsEach };
        return { rate, cpuMicros: microsEach, databaseCpuMicros: (after - before) / statements };
      },
    }),
  };
}

async function startRunningSignet(
  workspace: Workspace,
  postgresql: Postgresql,
  profileTo?: string,
): Promise<RunningSignet> {
  const databaseUrl = await postgresql.createDatabase('signet_bench');
  const installation = await prepareInstallation(workspace, 'signet', databaseUrl);
  const fixtures = await prepareSignet(workspace, installation);
  const server = await startSignet(workspace, installation, { profileTo });
  await sleep(2000);
  const idleMiB = residentMiB(server.pid);
  say(`logging ${Math.min(100, fixtures.usernames.length)} users in`);
  return {
    ...fixtures,
    server,
    installation,
    databaseUrl,
    idleMiB,
    cookies: await logIn(server.port, fixtures.usernames),
  };
}

async function startRunningBetterAuth(workspace: Workspace, postgresql: Postgresql): Promise<RunningBetterAuth> {
  const server = await startBetterAuth(workspace, await postgresql.createDatabase('better_auth_bench'));
  const emails = Array.from({ length: PEER_USERS }, (_, n) => `u${n}@bench.example`);
  const cookies: string[] = [];
  say(`signing ${PEER_USERS} users up at Better Auth`);
  for (const email of emails) {
    const json = { name: email, email, password: peerPassword };
    const answer = await ask(server.port, request('POST', '/api/auth/sign-up/email', { json }));
    cookies.push(cookieOf(answer, 'better-auth.session_token'));
  }
  return { server, emails, cookies };
}

/** Started one after the other: two that start at once keep each other waiting. */
async function inOrder(peers: readonly { start(): Promise<Peer | string> }[]): Promise<(Peer | string)[]> {
  const started: (Peer | string)[] = [];
  for (const peer of peers) started.push(await peer.start());
  return started;
}

/** The peer, or the note that says why it takes no part. */
async function startOptional(workspace: Workspace, postgresql: Postgresql, peer: OptionalPeer): Promise<Peer | string> {
  const absence = peer.absence();
  if (absence !== undefined) return `${peer.title} is absent: ${absence}.`;
  say(`starting ${peer.title}`);
  return peer.start(workspace, postgresql);
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
