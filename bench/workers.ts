import type { Arguments } from './arguments.ts';
import { type Plan, rateOver } from './figures.ts';
import {
  AUDIENCE,
  introspectRequest,
  logIn,
  prepareSignet,
  sessionRequest,
  tokenOf,
  tokenRequest,
} from './fixtures.ts';
import { measureServer, type Traffic } from './measure.ts';
import type { Postgresql } from './postgresql.ts';
import { knows, prepareInstallation, startSignet } from './servers/signet.ts';
import type { Workspace } from './workspace.ts';

const CONNECTIONS = 32;

/** The same work with one worker and with several, on one database, in the same rounds. */
export async function workers(workspace: Workspace, postgresql: Postgresql, given: Arguments): Promise<Plan> {
  if (!(await knows(['start'], '--workers')))
    return { measured: [], comparisons: [], notes: ['Skipped: `signet start` of this version has no --workers.'] };
  const databaseUrl = await postgresql.createDatabase('signet_workers');
  const installation = await prepareInstallation(workspace, 'workers', databaseUrl);
  const fixtures = await prepareSignet(workspace, installation);
  const plan: Plan['measured'][number][] = [];
  for (const count of [1, given.workers]) {
    // Each has its own port and issuer; the keys and the database are the same.
    const own = await prepareInstallation(workspace, 'workers', databaseUrl);
    const words = count === 1 ? [] : ['--workers', String(count)];
    const server = await startSignet(workspace, own, { name: `Signet, ${count} worker(s)`, words, ...given });
    const { port } = server;
    const cookies = await logIn(port, fixtures.usernames);
    const token = tokenRequest(fixtures.client, AUDIENCE);
    const traffic: Record<string, Traffic> = {
      session: { connections: CONNECTIONS, requests: () => cookies.map((cookie) => sessionRequest(cookie)) },
      token: { connections: CONNECTIONS, requests: () => [token] },
      introspect: {
        connections: CONNECTIONS,
        requests: async () => [introspectRequest(fixtures.client, await tokenOf(port, token))],
      },
    };
    for (const [work, one] of Object.entries(traffic))
      plan.push({
        id: `${count}.${work}`,
        title: `${work}, ${count} worker${count === 1 ? '' : 's'}`,
        measure: (seconds) => measureServer(server, postgresql, one, seconds),
      });
  }
  return {
    notes: [],
    measured: plan,
    comparisons: ['session', 'token', 'introspect'].map((work) => ({
      work,
      against: `rate with ${given.workers} workers, of one`,
      value: rateOver(`${given.workers}.${work}`, `1.${work}`),
    })),
  };
}
