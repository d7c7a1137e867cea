import type { Cast } from './cast.ts';
import { beside, type Comparison, type Measured, merged, type Plan, rateOver } from './figures.ts';
import { AUDIENCE } from './fixtures.ts';
import { ask } from './load/ask.ts';
import { type PlannedRequest, request } from './load/request.ts';
import { besidePeers } from './peers/beside.ts';
import type { Work } from './peers/peer.ts';
import { CONNECTIONS } from './peers/requests.ts';
import { BARE } from './targets.ts';

// What is made beforehand and asked for by everybody, and the pages of people.

/** As verifiers ask for a list. */
const zipped = { 'accept-encoding': 'gzip' };

export const documents: Record<string, (cast: Cast) => Promise<Plan>> = {
  jwks: (cast) =>
    document(cast, 'JWKS', request('GET', '/.well-known/jwks.json'), { work: 'jwks', betterAuth: '/api/auth/jwks' }),
  discovery: (cast) =>
    document(cast, 'discovery', request('GET', '/.well-known/openid-configuration'), { work: 'discovery' }),
  'status-list': async (cast) => {
    const { server } = await cast.signet();
    const { body } = await ask(server.port, request('GET', '/status-lists'));
    const [uri] = (JSON.parse(body) as { status_lists: string[] }).status_lists;
    return document(cast, 'status list', request('GET', new URL(uri as string).pathname, { headers: zipped }));
  },
  catalogue: (cast) => document(cast, 'catalogue', request('GET', `/.well-known/permissions?audience=${AUDIENCE}`)),
};

async function document(
  cast: Cast,
  work: string,
  asked: PlannedRequest,
  others: { work?: Work; betterAuth?: string } = {},
): Promise<Plan> {
  const { server } = await cast.signet();
  const bare = await cast.bare();
  const id = `signet.${work.toLowerCase().replace(' ', '-')}`;
  const always = (one: PlannedRequest) => ({ connections: CONNECTIONS, requests: () => [one] });
  return merged(
    {
      notes: [],
      measured: [
        cast.served('limit.bare', 'bare Fastify route', bare, always(request('GET', '/bare'))),
        cast.served(id, `Signet ${work}`, server, always(asked)),
      ],
      comparisons: [{ work, against: BARE, value: rateOver(id, 'limit.bare') }],
    },
    others.work === undefined ? NOTHING : await besidePeers(cast, others.work, work, id),
    others.betterAuth === undefined ? NOTHING : await besideBetterAuth(cast, work, id, others.betterAuth),
  );
}

const NOTHING: Plan = { notes: [], measured: [], comparisons: [] };

async function besideBetterAuth(cast: Cast, work: string, id: string, path: string): Promise<Plan> {
  const { server } = await cast.betterAuth();
  const other = `better-auth.${work.toLowerCase()}`;
  const traffic = { connections: CONNECTIONS, requests: () => [request('GET', path)] };
  return {
    notes: [],
    measured: [cast.served(other, `Better Auth ${work}`, server, traffic)],
    comparisons: [beside(work, 'Better Auth', id, other)],
  };
}

/** The sign-in page, and the first page of a user who is signed in, each beside a bare route that sends the same bytes. */
export async function pages(cast: Cast): Promise<Plan> {
  const { server, cookies } = await cast.signet();
  const asked = {
    'sign-in page': [request('GET', '/login')],
    'account page': cookies.map((cookie) => request('GET', '/', { headers: { cookie } })),
  };
  const plans: Plan[] = [];
  let bytes = 0;
  for (const [work, requests] of Object.entries(asked)) {
    const { body } = await ask(server.port, requests[0] as PlannedRequest);
    bytes += Buffer.byteLength(body);
    plans.push(await page(cast, work, requests, body));
  }
  // Their style is in them, and there is no script.
  const weight: Comparison = { work: 'pages of a sign-in', against: 'in all', unit: 'kB', value: () => bytes / 1000 };
  return merged(...plans, { notes: [], measured: [], comparisons: [weight] });
}

async function page(cast: Cast, work: string, requests: readonly PlannedRequest[], body: string): Promise<Plan> {
  const { server } = await cast.signet();
  const bare = await cast.bare();
  const name = work.replace(' ', '-');
  const [id, limit] = [`signet.${name}`, `limit.${name}`];
  const path = `/pages/${name}`;
  await ask(bare.port, { method: 'POST', path, headers: { 'content-type': 'text/html' }, body });
  const measured: Measured[] = [
    cast.served(limit, `bare Fastify, the bytes of the ${work}`, bare, {
      connections: CONNECTIONS,
      requests: () => [request('GET', path)],
    }),
    cast.served(id, `Signet ${work}`, server, { connections: CONNECTIONS, requests: () => requests }),
  ];
  return {
    notes: [],
    measured,
    comparisons: [{ work, against: `${BARE}, the same bytes`, value: rateOver(id, limit) }],
  };
}
