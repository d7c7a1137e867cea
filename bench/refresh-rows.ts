import type { Cast, SignetOnStage } from './cast.ts';
import type { Measured, Plan } from './figures.ts';
import { rateOver } from './figures.ts';
import { AUDIENCE, algorithmOf, ES256_AUDIENCE, tokenOf } from './fixtures.ts';
import { ask } from './load/ask.ts';
import { basic, type PlannedRequest, request } from './load/request.ts';
import { query } from './postgresql.ts';
import { type Family, openFamilies, rotationsOf } from './seeding/refresh-grants.ts';
import { peerClient, peerRefreshTokens } from './servers/oidc-provider.ts';
import { signet } from './servers/signet.ts';

// What a connection sends next is in the answer to what it sent before.

const CONNECTIONS = 32;
/** Families that each connection takes in turn, so that no row is written more often than people would in hours. */
const FAMILIES_EACH = 50;
export type Signed = 'RS256' | 'ES256';

/** Every connection has a family of refresh tokens of its own and rotates it with every request: one durable statement each. */
export async function refresh(cast: Cast, alg: Signed): Promise<Plan> {
  const own = await cast.signet();
  const work = `refresh ${alg}`;
  if (alg === 'ES256' && !own.hasEs256)
    return { measured: [], comparisons: [], notes: [`${work} is skipped: there is no --alg.`] };
  const id = `signet.refresh.${alg}`;
  const peers = await Promise.all(
    (alg === 'RS256' ? ['RS256'] : ['RS256', 'ES256']).map((one) => peer(cast, one as Signed)),
  );
  return {
    notes: [],
    measured: [
      cast.limited('limit.update', 'durable update of one row', 'update', own.databaseUrl),
      await ours(cast, own, alg),
      ...peers,
    ],
    comparisons: [
      {
        work,
        against: 'node-oidc-provider RS256',
        // The peer signs RS256 unless it is told otherwise: both targets are against that.
        target: { atLeast: alg === 'RS256' ? 1.2 : 2 },
        value: rateOver(id, 'oidc-provider.refresh.RS256'),
      },
      { work, against: 'durable update', value: rateOver(id, 'limit.update') },
      { work, against: `token ${alg}`, value: rateOver(id, `signet.token.${alg}`) },
      ...(alg === 'RS256'
        ? []
        : [{ work, against: 'node-oidc-provider ES256', value: rateOver(id, 'oidc-provider.refresh.ES256') }]),
    ],
  };
}

async function ours(cast: Cast, own: SignetOnStage, alg: Signed): Promise<Measured> {
  const { server, place, usernames, databaseUrl } = own;
  const audience = alg === 'RS256' ? AUDIENCE : ES256_AUDIENCE;
  const made = await signet(place, [
    ...['client', 'create', `bench refresh ${alg}`, '--preset', 'web', '--first-party', '--api', audience],
    ...['--redirect-uri', 'https://app.example/callback'],
  ]);
  const client = { id: made['client_id'] as string, secret: made['client_secret'] as string };
  let families: Family[] = [];
  const requests = async () => {
    const names = Array.from(
      { length: CONNECTIONS * FAMILIES_EACH },
      (_, n) => usernames[n % usernames.length] as string,
    );
    families = await openFamilies(place, client.id, audience, names);
    const asked = families.map(({ token }) => refreshRequest(client, '/oauth2/token', token, true));
    // The first of each family takes its place in a status list, which is not what is measured.
    const taken = await inTurn(asked, CONNECTIONS, async (one) => {
      const { body } = await ask(server.port, one);
      demand(alg, JSON.parse(body).access_token);
      return { ...one, body: one.next?.(body) as string };
    });
    // Autovacuum comes once a minute: until then a plan that was made while the table was small reads the whole of it.
    await query(databaseUrl, 'analyze tokens_grant, tokens_status');
    return taken;
  };
  const served = cast.served(`signet.refresh.${alg}`, `Signet refresh ${alg}, rotated`, server, {
    connections: CONNECTIONS,
    requests,
  });
  return {
    ...served,
    async measure(seconds) {
      const sample = await served.measure(seconds);
      const rotations = (await rotationsOf(databaseUrl, families)) - families.length;
      if (rotations < (sample.answered ?? 0))
        throw new Error(`${sample.answered} refreshes were answered, and ${rotations} rotated.`);
      return sample;
    },
  };
}

/** Without rotation, as node-oidc-provider does by itself for a client with a secret, until most of the token's life is over. */
async function peer(cast: Cast, signed: Signed): Promise<Measured> {
  const { port } = await cast.oidcProvider();
  const requests = peerRefreshTokens[signed].map((token) => refreshRequest(peerClient, '/token', token, false));
  demand(signed, await tokenOf(port, requests[0] as PlannedRequest));
  return cast.served(
    `oidc-provider.refresh.${signed}`,
    `node-oidc-provider refresh ${signed}, not rotated`,
    await cast.oidcProvider(),
    { connections: CONNECTIONS, requests: () => requests },
  );
}

/** What `make` makes of each, a few at once, in the same order. */
async function inTurn<T>(given: readonly T[], atOnce: number, make: (one: T) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  let next = 0;
  const some = async () => {
    for (let n = next++; n < given.length; n = next++) made[n] = await make(given[n] as T);
  };
  await Promise.all(Array.from({ length: atOnce }, some));
  return made;
}

function demand(alg: Signed, token: string): void {
  const signed = algorithmOf(token);
  if (signed !== alg) throw new Error(`A refresh signs ${signed} where the row measures ${alg}.`);
}

function refreshRequest(
  client: { id: string; secret: string },
  path: string,
  token: string,
  isRotated: boolean,
): PlannedRequest {
  const form = { grant_type: 'refresh_token', refresh_token: token };
  const first = request('POST', path, { headers: basic(client.id, client.secret), form });
  if (!isRotated) return first;
  const next = (answer: string) => {
    const successor = /"refresh_token":"([\w-]+)"/.exec(answer)?.[1];
    // What comes back without one is counted as a failure; the same is tried again.
    return successor && `grant_type=refresh_token&refresh_token=${successor}`;
  };
  return { ...first, next };
}
