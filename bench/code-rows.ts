import { createHash } from 'node:crypto';
import { beside, type Measured, type Plan, rateOver, type Sample } from './figures.ts';
import { AUDIENCE, algorithmOf, ES256_AUDIENCE } from './fixtures.ts';
import { ask } from './load/ask.ts';
import { basic, type PlannedRequest, request } from './load/request.ts';
import type { Signed } from './peers/peer.ts';
import { seeded } from './peers/seeded.ts';
import { redeemedOf, seedCodes } from './seeding/codes.ts';
import { peerClient, peerResources } from './servers/oidc-provider.ts';
import type { Server } from './servers/server.ts';
import { signet } from './servers/signet.ts';
import type { RunningSignet, Servers } from './servers.ts';
import { MEMORY } from './targets.ts';

// Authorization codes with PKCE, redeemed by a client with a secret. Every code is there before the load begins, and is sent once.

const CONNECTIONS = 32;
const REDIRECT_URI = 'https://app.example/callback';
const VERIFIER = 'a-verifier-of-the-bench-that-is-long-enough-0123456789';
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');
/** Codes that are made for a second of load: more than either redeems on two cores. A run that needs more says so. */
const MOST_PER_SECOND = { signet: 3000, peer: 7000 };
/** Beside the counted seconds there are those that warm up (two at most). */
const WARMUP_SECONDS = 2;

/** Without `openid` an access token is signed and a refresh token given; with it an ID token is signed too. */
const scopes = { plain: 'read', openid: 'openid read' };
type Scope = keyof typeof scopes;
const titled = { plain: '', openid: ' with an ID token' };

export async function code(servers: Servers, alg: Signed): Promise<Plan> {
  const own = await servers.signet();
  const work = `code ${alg}`;
  const id = (who: string, scope: Scope) => `${who}.code.${alg}.${scope}`;
  // The ID token of an ES256 API is signed RS256 all the same: it says nothing that the rows of RS256 do not.
  const asked: Scope[] = alg === 'RS256' ? ['plain', 'openid'] : ['plain'];
  return {
    notes: [],
    measured: [
      servers.limited('limit.update', 'durable update of one row', 'update', own.databaseUrl),
      ...(await Promise.all(asked.map((scope) => ours(servers, own, id('signet', scope), alg, scope)))),
      ...(await Promise.all(asked.map((scope) => peer(servers, id('oidc-provider', scope), alg, scope)))),
    ],
    comparisons: [
      ...asked.map((scope) =>
        beside(`${work}${titled[scope]}`, MEMORY, id('signet', scope), id('oidc-provider', scope)),
      ),
      { work, against: 'durable update', value: rateOver(id('signet', 'plain'), 'limit.update') },
      { work, against: `refresh ${alg}`, value: rateOver(id('signet', 'plain'), `signet.refresh.${alg}`) },
    ],
  };
}

/** A client of Signet's that redeems codes, and as many of them as it is asked for. */
export async function openCodes(
  { installation, databaseUrl }: RunningSignet,
  name: string,
  audience: string,
  scope: string,
) {
  const made = await signet(installation, [
    ...['client', 'create', name, '--preset', 'web', '--first-party', '--api', audience],
    ...['--redirect-uri', REDIRECT_URI],
  ]);
  const client = { id: made['client_id'] as string, secret: made['client_secret'] as string };
  const of = { clientId: client.id, audience, scope, redirectUri: REDIRECT_URI, codeChallenge: CHALLENGE };
  return {
    clientId: client.id,
    make: async (count: number) =>
      (await seedCodes(databaseUrl, count, of)).map((one) => redemption('/oauth2/token', client, one)),
  };
}

async function ours(servers: Servers, own: RunningSignet, id: string, alg: Signed, scope: Scope): Promise<Measured> {
  const audience = alg === 'RS256' ? AUDIENCE : ES256_AUDIENCE;
  const { clientId, make } = await openCodes(own, `bench code ${alg} ${scope}`, audience, scopes[scope]);
  const redeemed = () => redeemedOf(own.databaseUrl, clientId);
  let before = 0;
  return redeeming(servers, own.server, {
    id,
    title: `Signet code ${alg}${titled[scope]}`,
    alg,
    scope,
    perSecond: MOST_PER_SECOND.signet,
    make: async (count) => {
      before = await redeemed();
      return make(count);
    },
    async hold({ answered = 0 }) {
      const now = (await redeemed()) - before;
      if (now < answered) throw new Error(`${answered} redemptions were answered, and ${now} codes were redeemed.`);
    },
  });
}

async function peer(servers: Servers, id: string, alg: Signed, scope: Scope): Promise<Measured> {
  const { server } = await servers.oidcProvider();
  const resource = peerResources[alg];
  const of = { resource, scope: scopes[scope], redirectUri: REDIRECT_URI, codeChallenge: CHALLENGE };
  return redeeming(servers, server, {
    id,
    title: `${MEMORY}, code ${alg}${titled[scope]}`,
    alg,
    scope,
    perSecond: MOST_PER_SECOND.peer,
    make: async (count) => {
      const codes = await seeded(server, 'codes', count, of);
      return codes.map((one) => redemption('/token', peerClient, one, resource));
    },
  });
}

interface Redeeming {
  readonly id: string;
  readonly title: string;
  readonly alg: Signed;
  readonly scope: Scope;
  readonly perSecond: number;
  /** As many requests, each with a code of its own. */
  make(count: number): Promise<PlannedRequest[]>;
  /** Holds what was counted to what the server has kept. */
  hold?(sample: Sample): Promise<void>;
}

function redeeming(
  servers: Servers,
  server: Server,
  { id, title, alg, scope, perSecond, make, hold }: Redeeming,
): Measured {
  let count = 0;
  const requests = async () => {
    const [trial, ...rest] = await make(count + 1);
    demand(alg, scope, (await ask(server.port, trial as PlannedRequest)).body);
    return rest;
  };
  const served = servers.served(id, title, server, { connections: CONNECTIONS, requests, isOnce: true });
  return {
    ...served,
    async measure(seconds) {
      // A multiple of the connections: no two of them have a code in common.
      count = CONNECTIONS * Math.ceil((perSecond * (seconds + WARMUP_SECONDS)) / CONNECTIONS);
      const sample = await served.measure(seconds);
      if (sample.failures)
        throw new Error(`${title}: ${sample.failures} codes were refused. Were ${count} not enough?`);
      await hold?.(sample);
      return sample;
    },
  };
}

/** The same from both: a JWT of that algorithm, a refresh token, and an ID token where it is asked for. */
function demand(alg: Signed, scope: Scope, body: string): void {
  const { access_token, refresh_token, id_token } = JSON.parse(body) as Record<string, string | undefined>;
  const signed = algorithmOf(access_token as string);
  if (signed !== alg) throw new Error(`A code signs ${signed} where the row measures ${alg}.`);
  if (refresh_token === undefined) throw new Error('A code gives no refresh token.');
  if ((id_token !== undefined) !== (scope === 'openid'))
    throw new Error('A code gives an ID token where none was asked for, or none.');
  if (id_token !== undefined && algorithmOf(id_token) !== 'RS256')
    throw new Error(`An ID token signs ${algorithmOf(id_token)}.`);
}

function redemption(
  path: string,
  client: { id: string; secret: string },
  code: string,
  resource?: string,
): PlannedRequest {
  const form = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: REDIRECT_URI,
    code_verifier: VERIFIER,
    ...(resource === undefined ? {} : { resource }),
  };
  return request('POST', path, { headers: basic(client.id, client.secret), form });
}
