import { type Cast, hashWidth, PEER_PASSWORD } from './cast.ts';
import { code } from './code-rows.ts';
import { type Comparison, type Plan, rateOver } from './figures.ts';
import {
  AUDIENCE,
  algorithmOf,
  ES256_AUDIENCE,
  introspectRequest,
  loginRequest,
  sessionRequest,
  sessionTokenRequest,
  tokenOf,
  tokenRequest,
  tokensOf,
} from './fixtures.ts';
import { basic, type PlannedRequest, request } from './load/request.ts';
import { refresh } from './refresh-rows.ts';
import { peerClient, peerResources } from './servers/oidc-provider.ts';

/** Connections of the load, for everything but logins: enough that no server waits for the next request. */
const CONNECTIONS = 32;
/** Logins at once: the hash pool never idles, and its queue never fills. */
const LOGINS = 8;

/** More than the server remembers the signatures of (4 million characters). */
const DIFFERENT_TOKENS = 10_000;

type Target = Comparison['target'];

/** One kind of work: Signet, the machine's limit for it and the peers that do it, and what their ratios should be. */
export const rows: Record<string, (cast: Cast) => Promise<Plan>> = {
  login,
  session,
  has_perm: hasPerm,
  'token-rs256': (cast) => token(cast, 'RS256'),
  'token-es256': (cast) => token(cast, 'ES256'),
  'refresh-rs256': (cast) => refresh(cast, 'RS256'),
  'refresh-es256': (cast) => refresh(cast, 'ES256'),
  'code-rs256': (cast) => code(cast, 'RS256'),
  'code-es256': (cast) => code(cast, 'ES256'),
  introspect,
  'introspect-new': introspectNew,
  jwks: (cast) => documents(cast, 'JWKS', '/.well-known/jwks.json', '/jwks', '/api/auth/jwks'),
  discovery: (cast) =>
    documents(cast, 'discovery', '/.well-known/openid-configuration', '/.well-known/openid-configuration'),
};

function ratio(work: string, id: string, other: string, against: string, target?: Target): Comparison {
  return { work, against, value: rateOver(id, other), ...(target ? { target } : {}) };
}

async function login(cast: Cast): Promise<Plan> {
  const { server, usernames } = await cast.signet();
  const peer = await cast.betterAuth();
  return {
    notes: [],
    measured: [
      cast.limited('limit.argon2', `argon2 verify, ${hashWidth} at once`, 'argon2', String(hashWidth)),
      cast.served('signet.login', 'Signet login', server, {
        connections: LOGINS,
        requests: () => usernames.map((name) => loginRequest(name)),
      }),
      cast.served('better-auth.login', 'Better Auth login', peer.server, {
        connections: LOGINS,
        requests: () =>
          peer.emails.map((email) =>
            request('POST', '/api/auth/sign-in/email', { json: { email, password: PEER_PASSWORD } }),
          ),
      }),
    ],
    comparisons: [
      ratio('login', 'signet.login', 'limit.argon2', 'argon2 alone', { atLeast: 0.8 }),
      ratio('login', 'signet.login', 'better-auth.login', 'Better Auth'),
    ],
  };
}

async function session(cast: Cast): Promise<Plan> {
  const { server, databaseUrl, cookies } = await cast.signet();
  const peer = await cast.betterAuth();
  const id = 'signet.session';
  return {
    notes: [],
    measured: [
      cast.limited('limit.select', 'point select', 'select', databaseUrl),
      cast.served(id, 'Signet session check', server, {
        connections: CONNECTIONS,
        requests: () => cookies.map((cookie) => sessionRequest(cookie)),
      }),
      cast.served('better-auth.session', 'Better Auth get-session', peer.server, {
        connections: CONNECTIONS,
        requests: () => peer.cookies.map((cookie) => request('GET', '/api/auth/get-session', { headers: { cookie } })),
      }),
    ],
    comparisons: [
      ratio('session check', id, 'limit.select', 'point select', { atLeast: 0.4 }),
      ratio('session check', id, 'better-auth.session', 'Better Auth', { atLeast: 15 }),
    ],
  };
}

async function hasPerm(cast: Cast): Promise<Plan> {
  const { server, databaseUrl, cookies } = await cast.signet();
  const id = 'signet.has_perm';
  const requests = async () => {
    const tokens = cookies.slice(0, 20).map((cookie) => tokenOf(server.port, sessionTokenRequest(cookie, AUDIENCE)));
    return (await Promise.all(tokens)).map((token) =>
      request('POST', '/api/v1/has_perm', {
        headers: { authorization: `Bearer ${token}` },
        json: { perms: ['polls.add_choice', 'polls.publish_poll'] },
      }),
    );
  };
  return {
    notes: [],
    measured: [
      cast.limited('limit.select', 'point select', 'select', databaseUrl),
      cast.served(id, 'Signet has_perm', server, { connections: CONNECTIONS, requests }),
    ],
    comparisons: [ratio('has_perm', id, 'limit.select', 'point select', { atLeast: 0.4 })],
  };
}

async function token(cast: Cast, alg: 'RS256' | 'ES256'): Promise<Plan> {
  const { server, client, hasEs256 } = await cast.signet();
  const work = `token ${alg}`;
  if (alg === 'ES256' && !hasEs256)
    return {
      measured: [],
      comparisons: [],
      notes: ['token ES256 is skipped: `signet api create` of this version has no --alg.'],
    };
  const asked = tokenRequest(client, alg === 'RS256' ? AUDIENCE : ES256_AUDIENCE);
  const trial = await trialToken(server.port, asked);
  if (typeof trial !== 'string')
    return { measured: [], comparisons: [], notes: [`${work} is skipped: ${trial.message}`] };
  if (algorithmOf(trial) !== alg) throw new Error(`Signet signs ${algorithmOf(trial)} where the row measures ${alg}.`);
  const peer = await cast.oidcProvider();
  const [limit, id, peerId] = [`limit.${alg}`, `signet.token.${alg}`, `oidc-provider.token.${alg}`];
  const traffic = (asked: PlannedRequest) => ({ connections: CONNECTIONS, requests: () => [asked] });
  const ours = [cast.limited(limit, `sign ${alg}`, alg), cast.served(id, `Signet ${work}`, server, traffic(asked))];
  const theirs = async (signed: 'RS256' | 'ES256') => {
    const peerAsked = peerToken(peerResources[signed]);
    const issued = algorithmOf(await tokenOf(peer.port, peerAsked));
    if (issued !== signed) throw new Error(`node-oidc-provider signs ${issued} where the row measures ${signed}.`);
    return cast.served(`oidc-provider.token.${signed}`, `node-oidc-provider token ${signed}`, peer, traffic(peerAsked));
  };
  if (alg === 'RS256')
    return {
      notes: [],
      measured: [...ours, await theirs('RS256')],
      comparisons: [
        ratio(work, id, limit, 'sign RS256 alone', { atLeast: 0.7 }),
        ratio(work, id, peerId, 'node-oidc-provider RS256', { atLeast: 1 }),
      ],
    };
  return {
    notes: [],
    measured: [
      ...ours,
      cast.limited('limit.EdDSA', 'sign Ed25519', 'EdDSA'),
      await theirs('RS256'),
      await theirs('ES256'),
    ],
    comparisons: [
      ratio(work, id, limit, 'sign ES256 alone'),
      // The peer signs RS256 unless it is told otherwise: the target is against that.
      ratio(work, id, 'oidc-provider.token.RS256', 'node-oidc-provider RS256', { atLeast: 2.5 }),
      ratio(work, id, peerId, 'node-oidc-provider ES256'),
    ],
  };
}

/** A version that lacks a part of the row says so in the table; the other rows go on. */
function trialToken(port: number, asked: PlannedRequest): Promise<string | Error> {
  return tokenOf(port, asked).catch((error: Error) => error);
}

function peerToken(resource: string): PlannedRequest {
  return request('POST', '/token', {
    headers: basic(peerClient.id, peerClient.secret),
    form: { grant_type: 'client_credentials', resource, scope: 'read' },
  });
}

async function introspect(cast: Cast): Promise<Plan> {
  const { server, client, databaseUrl } = await cast.signet();
  const peer = await cast.oidcProvider();
  const id = 'signet.introspect';
  return {
    notes: [],
    measured: [
      cast.limited('limit.select', 'point select', 'select', databaseUrl),
      cast.served(id, 'Signet introspect', server, {
        connections: CONNECTIONS,
        requests: async () => {
          const issued = await tokenOf(server.port, tokenRequest(client, AUDIENCE));
          return [introspectRequest(client, issued)];
        },
      }),
      cast.served('oidc-provider.introspect', 'node-oidc-provider introspect (opaque)', peer, {
        connections: CONNECTIONS,
        requests: async () => [
          request('POST', '/token/introspection', {
            headers: basic(peerClient.id, peerClient.secret),
            form: { token: await tokenOf(peer.port, peerToken(peerResources.opaque)) },
          }),
        ],
      }),
    ],
    comparisons: [
      ratio('introspect', id, 'oidc-provider.introspect', 'node-oidc-provider', { atLeast: 1.7 }),
      ratio('introspect', id, 'limit.select', 'point select'),
    ],
  };
}

/** Every request brings another token, whose signature the server has not seen lately. */
async function introspectNew(cast: Cast): Promise<Plan> {
  const { server, client, databaseUrl } = await cast.signet();
  const id = 'signet.introspect.new';
  const title = `Signet introspect, ${DIFFERENT_TOKENS.toLocaleString('en')} different tokens in turn`;
  const work = 'introspect, different tokens';
  const requests = async () => {
    const issued = await tokensOf(server.port, tokenRequest(client, AUDIENCE), DIFFERENT_TOKENS);
    return issued.map((token) => introspectRequest(client, token));
  };
  return {
    notes: [],
    measured: [
      cast.limited('limit.select', 'point select', 'select', databaseUrl),
      cast.served(id, title, server, { connections: CONNECTIONS, requests }),
    ],
    comparisons: [
      ratio(work, id, 'signet.introspect', 'one token again and again'),
      ratio(work, id, 'oidc-provider.introspect', 'node-oidc-provider, one opaque token'),
      ratio(work, id, 'limit.select', 'point select'),
    ],
  };
}

async function documents(cast: Cast, work: string, path: string, peerPath: string, other?: string): Promise<Plan> {
  const { server } = await cast.signet();
  const bare = await cast.bare();
  const peer = await cast.oidcProvider();
  const get = (from: string) => ({
    connections: CONNECTIONS,
    requests: () => [request('GET', from)],
  });
  const name = work.toLowerCase();
  const betterAuth = other === undefined ? undefined : (await cast.betterAuth()).server;
  return {
    notes: [],
    measured: [
      cast.served('limit.bare', 'bare Fastify route', bare, get('/bare')),
      cast.served(`signet.${name}`, `Signet ${work}`, server, get(path)),
      cast.served(`oidc-provider.${name}`, `node-oidc-provider ${work}`, peer, get(peerPath)),
      ...(betterAuth && other
        ? [cast.served(`better-auth.${name}`, `Better Auth ${work}`, betterAuth, get(other))]
        : []),
    ],
    comparisons: [
      ratio(work, `signet.${name}`, 'limit.bare', 'bare Fastify', { atLeast: 0.7 }),
      ratio(work, `signet.${name}`, `oidc-provider.${name}`, 'node-oidc-provider'),
      ...(other ? [ratio(work, `signet.${name}`, `better-auth.${name}`, 'Better Auth')] : []),
    ],
  };
}
