import { beside, type Comparison, type Measured, merged, type Plan, rateOver } from './figures.ts';
import { AUDIENCE } from './fixtures.ts';
import { ask } from './load/ask.ts';
import { type PlannedRequest, request } from './load/request.ts';
import { besidePeers } from './peers/beside.ts';
import type { Work } from './peers/peer.ts';
import { CONNECTIONS } from './peers/requests.ts';
import type { Servers } from './servers.ts';
import { BARE } from './targets.ts';

// What is made beforehand and asked for by everybody, and the pages of people.

/** As verifiers ask for a list. */
const zipped = { 'accept-encoding': 'gzip' };

export const documents: Record<string, (servers: Servers) => Promise<Plan>> = {
  jwks: (servers) =>
    document(servers, 'JWKS', request('GET', '/.well-known/jwks.json'), { work: 'jwks', betterAuth: '/api/auth/jwks' }),
  discovery: (servers) =>
    document(servers, 'discovery', request('GET', '/.well-known/openid-configuration'), { work: 'discovery' }),
  'status-list': async (servers) => {
    const { server } = await servers.signet();
    const { body } = await ask(server.port, request('GET', '/status-lists'));
    const [uri] = (JSON.parse(body) as { status_lists: string[] }).status_lists;
    return document(servers, 'status list', request('GET', new URL(uri as string).pathname, { headers: zipped }));
  },
  catalogue: (servers) =>
    document(servers, 'catalogue', request('GET', `/.well-known/permissions?audience=${AUDIENCE}`)),
};

async function document(
  servers: Servers,
  work: string,
  asked: PlannedRequest,
  others: { work?: Work; betterAuth?: string } = {},
): Promise<Plan> {
  const { server } = await servers.signet();
  const bare = await servers.bare();
  const id = `signet.${work.toLowerCase().replace(' ', '-')}`;
  const always = (one: PlannedRequest) => ({ connections: CONNECTIONS, requests: () => [one] });
  return merged(
    {
      notes: [],
      measured: [
        servers.served('limit.bare', 'bare Fastify route', bare, always(request('GET', '/bare'))),
        servers.served(id, `Signet ${work}`, server, always(asked)),
      ],
      comparisons: [{ work, against: BARE, value: rateOver(id, 'limit.bare') }],
    },
    others.work === undefined ? NOTHING : await besidePeers(servers, others.work, work, id),
    others.betterAuth === undefined ? NOTHING : await besideBetterAuth(servers, work, id, others.betterAuth),
  );
}

const NOTHING: Plan = { notes: [], measured: [], comparisons: [] };

async function besideBetterAuth(servers: Servers, work: string, id: string, path: string): Promise<Plan> {
  const { server } = await servers.betterAuth();
  const other = `better-auth.${work.toLowerCase()}`;
  const traffic = { connections: CONNECTIONS, requests: () => [request('GET', path)] };
  return {
    notes: [],
    measured: [servers.served(other, `Better Auth ${work}`, server, traffic)],
    comparisons: [beside(work, 'Better Auth', id, other)],
  };
}

/** The sign-in page, and the first page of a user who is signed in, each beside a bare route that sends the same bytes. */
export async function pages(servers: Servers): Promise<Plan> {
  const { server, cookies } = await servers.signet();
  const asked = {
    'sign-in page': [request('GET', '/login')],
    'account page': cookies.map((cookie) => request('GET', '/', { headers: { cookie } })),
  };
  const plans: Plan[] = [];
  let bytes = 0;
  for (const [work, requests] of Object.entries(asked)) {
    const { body } = await ask(server.port, requests[0] as PlannedRequest);
    bytes += Buffer.byteLength(body);
    plans.push(await page(servers, work, requests, body));
  }
  // Their style is in them, and there is no script.
  const weight: Comparison = { work: 'pages of a sign-in', against: 'in all', unit: 'kB', value: () => bytes / 1000 };
  return merged(...plans, { notes: [], measured: [], comparisons: [weight] });
}

async function page(servers: Servers, work: string, requests: readonly PlannedRequest[], body: string): Promise<Plan> {
  const { server } = await servers.signet();
  const bare = await servers.bare();
  const name = work.replace(' ', '-');
  const [id, limit] = [`signet.${name}`, `limit.${name}`];
  const path = `/pages/${name}`;
  await ask(bare.port, { method: 'POST', path, headers: { 'content-type': 'text/html' }, body });
  const measured: Measured[] = [
    servers.served(limit, `bare Fastify, the bytes of the ${work}`, bare, {
      connections: CONNECTIONS,
      requests: () => [request('GET', path)],
    }),
    servers.served(id, `Signet ${work}`, server, { connections: CONNECTIONS, requests: () => requests }),
  ];
  return {
    notes: [],
    measured,
    comparisons: [{ work, against: `${BARE}, the same bytes`, value: rateOver(id, limit) }],
  };
}
