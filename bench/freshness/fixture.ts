import { setTimeout as sleep } from 'node:timers/promises';
import type { Permission } from '../../src/permissions/index.ts';
import { AUDIENCE, logIn, prepareSignet, sessionTokenRequest, syncApi, tokenOf } from '../fixtures.ts';
import type { Postgresql } from '../postgresql.ts';
import type { Server } from '../servers/server.ts';
import { type Installation, prepareInstallation, signet, startSignet } from '../servers/signet.ts';
import { freePort, say, type Workspace } from '../workspace.ts';
import { Balancer } from './balancer.ts';
import { type Child, startChild } from './child.ts';
import { People, type Person } from './people.ts';
import type { Seen, VerifiersPlan, Watch } from './watch.ts';

export const VERIFIERS = 20;
/** The verifiers live in so many processes: what is timed is not how twenty wait for one event loop. */
const PROCESSES = 2;
const USERS = 100;
/** Of the baseline. */
export const STATELESS_USERS = 20;
export const PERMISSION = 'polls.publish_poll';
/** Its tokens live for a minute, the least that Signet takes. */
export const STATELESS_AUDIENCE = 'polls-60';

export interface Visitor extends Person {
  readonly cookie: string;
}

/** Two servers of one database, one address before them, verifiers that follow their events, users that are logged in. */
export interface Fixture {
  readonly balancer: Balancer;
  readonly port: number;
  readonly servers: readonly Server[];
  readonly people: People;
  readonly permission: Permission;
  readonly visitors: readonly Visitor[];
  readonly stateless: { readonly permission: Permission; readonly visitors: readonly Visitor[] };
  readonly client: { id: string; secret: string };
  tokenOf(visitor: Visitor, audience?: string): Promise<string>;
  /** Every verifier has looked at the token; answers how to hear when each knew of the change. */
  watch(watch: Watch): Promise<() => Promise<Seen>>;
  /** When verifiers that know nothing but the token refused each. */
  expire(tokens: readonly string[]): Promise<number[]>;
  restart(server: number): Promise<void>;
}

export async function openFixture(workspace: Workspace, postgresql: Postgresql): Promise<Fixture> {
  const databaseUrl = await postgresql.createDatabase('signet_freshness');
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const installations: Installation[] = [];
  for (let n = 0; n < 2; n++)
    installations.push(await prepareInstallation(workspace, 'freshness', databaseUrl, { SIGNET_ISSUER: issuer }));
  const [first] = installations as [Installation];
  const fixtures = await prepareSignet(workspace, first);
  await syncApi(workspace, first, STATELESS_AUDIENCE);
  await signet(first, ['api', 'update', STATELESS_AUDIENCE, '--ttl', '60']);
  const people = await People.open(databaseUrl);
  workspace.atClose(() => people.close());
  const [permission, minutely] = await Promise.all(
    [AUDIENCE, STATELESS_AUDIENCE].map((audience) => people.permission(audience, PERMISSION)),
  );
  const named = await people.named(fixtures.usernames.slice(0, USERS + STATELESS_USERS));
  // Every second user holds the permission, so that it is taken as often as it is given.
  for (const [n, person] of named.entries())
    if (n >= USERS || n % 2 === 0) await people.toggle(person, (n < USERS ? permission : minutely) as Permission);

  const servers: Server[] = [];
  const start = (n: number) => startSignet(workspace, installations[n] as Installation, { name: `Signet ${n + 1}` });
  for (const n of installations.keys()) servers.push(await start(n));
  const ports = installations.map((one) => one.port);
  const balancer = await Balancer.start(workspace, port, VERIFIERS, ports);
  const children = await startVerifiers(workspace, { issuer, port, audience: AUDIENCE, fronts: balancer.ports });
  say(`logging ${named.length} users in`);
  const cookies = await logIn(port, fixtures.usernames, named.length);
  const visitors = named.map((person, n) => Object.assign(person, { cookie: cookies[n] as string }));
  return {
    ...{ balancer, port, servers, people, client: fixtures.client },
    permission: permission as Permission,
    visitors: visitors.slice(0, USERS),
    stateless: { permission: minutely as Permission, visitors: visitors.slice(USERS) },
    tokenOf: (visitor, audience = AUDIENCE) => {
      const once = () => tokenOf(port, sessionTokenRequest(visitor.cookie, audience));
      // A server may have been killed in the middle of its answer.
      return once().catch(once);
    },
    async watch(watch) {
      await Promise.all(children.map((one) => one.call('begin', watch)));
      return async () => {
        const all = await Promise.all(children.map((one) => one.call<Seen>('finish')));
        return { known: all.flatMap((one) => one.known), works: all.flatMap((one) => one.works) };
      };
    },
    expire: (tokens) => (children[0] as Child).call('expire', { tokens, audience: STATELESS_AUDIENCE }),
    async restart(n) {
      servers[n] = await start(n);
      // Its first look at the database is over, as /health/ready says; those who read it by then are not what is measured.
      await sleep(500);
    },
  };
}

function startVerifiers(workspace: Workspace, plan: VerifiersPlan): Promise<Child[]> {
  const each = plan.fronts.length / PROCESSES;
  return Promise.all(
    Array.from({ length: PROCESSES }, (_, n) =>
      startChild(workspace, 'verifiers', { ...plan, fronts: plan.fronts.slice(n * each, (n + 1) * each) }),
    ),
  );
}
