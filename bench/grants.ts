import { setTimeout as sleep } from 'node:timers/promises';
import type { Arguments } from './arguments.ts';
import { type Comparison, over, type Plan, type Sample } from './figures.ts';
import { createClient, fixtureFile, logIn, PASSWORD, sessionTokenRequest, tokenRequest } from './fixtures.ts';
import { send } from './load/ask.ts';
import type { PlannedRequest } from './load/request.ts';
import { measureServer } from './measure.ts';
import { type Postgresql, query } from './postgresql.ts';
import { insertUsers } from './seeding/users.ts';
import type { Server } from './servers/server.ts';
import { type Installation, NotYet, prepareInstallation, signet, startSignet } from './servers/signet.ts';
import { say, type Workspace } from './workspace.ts';

const SIZES = [10, 100, 1000, 10_000];
const WIDE = 'wide';
const CONNECTIONS = 16;
/** Requests over which statements are counted. */
const COUNTED = 300;

interface Holder {
  readonly id: string;
  readonly title: string;
  readonly size: number;
  readonly request: PlannedRequest;
}

/** What a token costs a holder of 10 to 10,000 permissions at one API, a program and a person. */
export async function grants(workspace: Workspace, postgresql: Postgresql, given: Arguments): Promise<Plan> {
  const databaseUrl = await postgresql.createDatabase('signet_grants');
  const installation = await prepareInstallation(workspace, 'grants', databaseUrl);
  await signet(installation, ['migrate']);
  const isBitmap = await createWide(workspace, installation);
  const clients = await createHolders(installation);
  const server = await startSignet(workspace, installation, given);
  const cookies = await logIn(
    server.port,
    SIZES.map((_, n) => `u${n + 1}`),
  );
  const holders = SIZES.flatMap((size, n): Holder[] => [
    {
      id: `client.${size}`,
      title: `client_credentials, ${size.toLocaleString('en')} permissions`,
      size,
      request: tokenRequest(clients[n] as { id: string; secret: string }, WIDE),
    },
    {
      id: `session.${size}`,
      title: `POST /api/v1/token, ${size.toLocaleString('en')} permissions`,
      size,
      request: sessionTokenRequest(cookies[n] as string, WIDE),
    },
  ]);
  const fitting: Holder[] = [];
  for (const one of holders) if (await fits(server, one.request)) fitting.push(one);
  const sizes = new Set(fitting.map((one) => one.size));
  return {
    notes: [
      isBitmap
        ? 'The API gives permissions as a bitmap.'
        : 'The API gives permissions as a list (`signet api create` of this version has no --format).',
      ...SIZES.filter((size) => !sizes.has(size)).map(
        (size) => `${size} permissions are skipped: such a token is over the budget.`,
      ),
    ],
    measured: fitting.map(({ id, title, request }) => ({
      id,
      title,
      measure: async (seconds) => ({
        ...(await measureServer(server, postgresql, { connections: CONNECTIONS, requests: () => [request] }, seconds)),
        statements: await statementsEach(server, postgresql, databaseUrl, request),
      }),
    })),
    comparisons: ['client', 'session'].flatMap((kind) => SIZES.slice(1).flatMap((size) => compared(kind, size))),
  };
}

async function createWide(workspace: Workspace, installation: Installation): Promise<boolean> {
  const permissions = Object.fromEntries(
    Array.from({ length: Math.max(...SIZES) }, (_, n) => [`p${String(n).padStart(5, '0')}`, `Permission ${n}`]),
  );
  let isBitmap = true;
  try {
    await signet(installation, ['api', 'create', WIDE, '--format', 'bitmap']);
  } catch (error) {
    if (!(error instanceof NotYet)) throw error;
    isBitmap = false;
    await signet(installation, ['api', 'create', WIDE, '--budget', '8192']);
  }
  say('registering 10,000 permissions');
  await signet(installation, [
    'api',
    'sync',
    fixtureFile(workspace, 'wide.json', { audience: WIDE, apps: { wide: { permissions } } }),
  ]);
  return isBitmap;
}

/** For every size a user `u1` … and a client, with as many permissions assigned. */
async function createHolders(installation: Installation): Promise<{ id: string; secret: string }[]> {
  await signet(installation, ['user', 'create', 'bench', '--password-stdin'], `${PASSWORD}\n`);
  await insertUsers(installation.databaseUrl, SIZES.length);
  const clients: { id: string; secret: string }[] = [];
  for (const [n, size] of SIZES.entries()) {
    const client = await createClient(installation, `holder of ${size}`, [WIDE]);
    clients.push(client);
    await query(
      installation.databaseUrl,
      `insert into permissions_assignment (principal_id, permission_id)
        select holder.id, p.id from permissions_permission p join permissions_api a on a.id = p.api_id,
          (select id from oauth_client where client_id = $1 union all select id from users_user where username_key = $2) as holder
        where a.audience_key = $3 and p.index < $4`,
      [client.id, `u${n + 1}`, WIDE, size],
    );
  }
  await query(installation.databaseUrl, 'update permissions_principal set perms_version = perms_version + 1');
  await query(installation.databaseUrl, 'vacuum analyze');
  return clients;
}

async function fits(server: Server, request: PlannedRequest): Promise<boolean> {
  const { status, body } = await send(server.port, request);
  if (status !== 200 && status !== 400 && status !== 409) throw new Error(`${status}: ${body.slice(0, 500)}`);
  return status === 200;
}

/** Statements that the database ran for one request, counted over some hundred of them, one after the other. */
async function statementsEach(
  server: Server,
  postgresql: Postgresql,
  databaseUrl: string,
  request: PlannedRequest,
): Promise<number> {
  const before = await statementsSoFar(postgresql, databaseUrl);
  for (let n = 0; n < COUNTED; n++) await send(server.port, request);
  const after = await statementsSoFar(postgresql, databaseUrl);
  return (after - before) / COUNTED;
}

/** By pg_stat_statements; without it by commits, which are as many: a hot statement is a transaction of its own. */
async function statementsSoFar(postgresql: Postgresql, databaseUrl: string): Promise<number> {
  // An idle connection reports its commits after ten seconds at the latest.
  if (!postgresql.countsStatements) await sleep(11_000);
  const [row] = await query(
    databaseUrl,
    postgresql.countsStatements
      ? `select sum(calls)::float8 as n from pg_stat_statements s join pg_database d on d.oid = s.dbid
          where d.datname = current_database() and s.query not like '%pg_stat_statements%'`
      : 'select xact_commit::float8 as n from pg_stat_database where datname = current_database()',
  );
  return Number(row?.['n']);
}

function compared(kind: string, size: number): Comparison[] {
  const work = kind === 'client' ? 'client_credentials' : 'token of a session';
  const against = (what: string) => `${what} with ${size.toLocaleString('en')} permissions, of that with ${SIZES[0]}`;
  const ratio = (of: (sample: Sample | undefined) => number | undefined): Comparison['value'] => {
    return (round) => over(of(round.get(`${kind}.${size}`)), of(round.get(`${kind}.${SIZES[0]}`)));
  };
  return [
    { work, against: against('processor time'), value: ratio(costOf) },
    { work, against: against('rate'), value: ratio((sample) => sample?.rate) },
    { work, against: against('statements'), value: ratio((sample) => sample?.statements) },
  ];
}

/** The server's and its database's processor time together, where both are seen. */
function costOf(sample: Sample | undefined): number | undefined {
  return sample?.cpuMicros === undefined ? undefined : sample.cpuMicros + (sample.databaseCpuMicros ?? 0);
}
