import type { Arguments } from './arguments.ts';
import { type Comparison, type Measured, over, type Plan } from './figures.ts';
import {
  AUDIENCE,
  type Fixtures,
  fixtureFile,
  loginRequest,
  prepareSignet,
  sessionRequest,
  tokenRequest,
} from './fixtures.ts';
import { measureServer, type Traffic } from './measure.ts';
import { type Postgresql, query } from './postgresql.ts';
import { insertGroups, insertMembers, insertSessions, seededToken } from './seeding/organisation.ts';
import { insertUsers } from './seeding/users.ts';
import type { Server } from './servers/server.ts';
import { type Installation, prepareInstallation, signet, startSignet } from './servers/signet.ts';
import { say, type Workspace } from './workspace.ts';

/** Of a million users: this many groups and sessions. */
const PER_USER = { groups: 0.01, sessions: 2 };
const PERMISSIONS = 5000;
const PERMISSIONS_EACH = 20;
/** Users of the small database. */
const FEW = 1000;
/** Different sessions that are asked for, on either side as many, spread over the whole table. */
const SESSIONS = FEW * PER_USER.sessions;
/** On the full side once more with so many that each is new to the server's caches, and its last-seen time is due. */
const SPREAD = 20_000;

interface Side {
  readonly server: Server;
  readonly fixtures: Fixtures;
  readonly users: number;
  readonly usernames: string[];
}

/** The same work on a nearly empty database and on a full one, side by side in the same rounds. */
export async function seed(workspace: Workspace, postgresql: Postgresql, given: Arguments): Promise<Plan> {
  const small = await open(workspace, postgresql, 'small', FEW);
  const full = await open(workspace, postgresql, 'full', given.users);
  const served = (id: string, title: string, { server, users }: Side, traffic: Traffic): Measured => ({
    id,
    title: `${title}, ${users.toLocaleString('en')} users`,
    measure: (seconds) => measureServer(server, postgresql, traffic, seconds),
  });
  const works = ['login', 'session', 'token'] as const;
  const measured = works.flatMap((work) => [
    served(`small.${work}`, work, small, trafficOf(small)[work]),
    served(`full.${work}`, work, full, trafficOf(full)[work]),
  ]);
  const cold = `session, ${SPREAD.toLocaleString('en')} different ones in turn`;
  measured.push(served('full.cold', cold, full, sessionsOf(full, SPREAD)));
  return { notes: [sizesOf(given.users)], measured, comparisons: works.map(slower) };
}

async function open(workspace: Workspace, postgresql: Postgresql, name: string, users: number): Promise<Side> {
  const databaseUrl = await postgresql.createDatabase(`signet_${name}`);
  const installation = await prepareInstallation(workspace, name, databaseUrl);
  const fixtures = await prepareSignet(workspace, installation, { users: Math.min(users, FEW) });
  if (users > FEW) await fill(workspace, installation, users);
  await insertSessions(databaseUrl, users * PER_USER.sessions, users);
  say(`analysing the ${name} database`);
  await query(databaseUrl, 'vacuum analyze');
  const found = await query(databaseUrl, 'select username from users_user order by random() limit $1', [FEW]);
  const server = await startSignet(workspace, installation, { name: `Signet ${name}` });
  return { server, fixtures, users, usernames: found.map((row) => row['username'] as string) };
}

async function fill(workspace: Workspace, installation: Installation, users: number): Promise<void> {
  const permissions = Object.fromEntries(
    Array.from({ length: PERMISSIONS }, (_, n) => [`p${String(n).padStart(5, '0')}`, `Permission ${n}`]),
  );
  say(`registering ${PERMISSIONS} permissions`);
  const file = fixtureFile(workspace, 'many.json', { audience: 'many', apps: { many: { permissions } } });
  await signet(installation, ['api', 'sync', file]);
  await insertUsers(installation.databaseUrl, users, FEW + 1);
  await insertGroups(installation.databaseUrl, users * PER_USER.groups, 'many', PERMISSIONS_EACH);
  await query(installation.databaseUrl, 'analyze');
  await insertMembers(installation.databaseUrl, users);
}

function trafficOf(side: Side) {
  return {
    login: { connections: 8, requests: () => side.usernames.map((name) => loginRequest(name)) },
    session: sessionsOf(side, SESSIONS),
    token: { connections: 32, requests: () => [tokenRequest(side.fixtures.client, AUDIENCE)] },
  } satisfies Record<string, Traffic>;
}

function sessionsOf({ users }: Side, count: number): Traffic {
  const all = users * PER_USER.sessions;
  // A stride that is prime meets every session before it meets one again.
  const cookie = (n: number) => `signet_session=${seededToken(1 + ((n * 104_729) % all))}`;
  return {
    connections: 32,
    requests: () => Array.from({ length: Math.min(count, all) }, (_, n) => sessionRequest(cookie(n))),
  };
}

function slower(work: string): Comparison {
  return {
    work,
    against: 'time each, full of small',
    value: (round) => over(round.get(`small.${work}`)?.rate, round.get(`full.${work}`)?.rate),
  };
}

function sizesOf(users: number): string {
  const n = (count: number) => Math.round(count).toLocaleString('en');
  return (
    `Full: ${n(users)} users, ${n(users * PER_USER.groups)} groups, ${n(PERMISSIONS)} permissions, ` +
    `${n(users * PER_USER.sessions)} sessions. Small: ${n(FEW)} users, ${n(FEW * PER_USER.sessions)} sessions.`
  );
}
