import { code } from './code-rows.ts';
import { documents, pages } from './document-rows.ts';
import { beside, type Comparison, merged, type Plan, processorOver, rateOver } from './figures.ts';
import { AUDIENCE, loginRequest, sessionRequest, sessionTokenRequest, tokenOf } from './fixtures.ts';
import { request } from './load/request.ts';
import { introspect, introspectNew, token, userinfo } from './oauth-rows.ts';
import { besidePeers } from './peers/beside.ts';
import { demandMember } from './peers/peer.ts';
import { CONNECTIONS, LOGINS, peerPassword } from './peers/requests.ts';
import { refresh } from './refresh-rows.ts';
import { hashWidth, type Servers } from './servers.ts';
import { DJANGO, KEYCLOAK, OWN_SELECT, PROCESSOR } from './targets.ts';

/** One kind of work: Signet, the machine's limit for it and the peers that do it. What their ratios should be is in `targets.ts`. */
export const rows: Record<string, (servers: Servers) => Promise<Plan>> = {
  login,
  session,
  has_perm: hasPerm,
  'token-rs256': (servers) => token(servers, 'RS256'),
  'token-es256': (servers) => token(servers, 'ES256'),
  'token-opaque': (servers) => token(servers, 'opaque'),
  'refresh-rs256': (servers) => refresh(servers, 'RS256'),
  'refresh-es256': (servers) => refresh(servers, 'ES256'),
  'code-rs256': (servers) => code(servers, 'RS256'),
  'code-es256': (servers) => code(servers, 'ES256'),
  introspect,
  'introspect-new': introspectNew,
  userinfo,
  ...documents,
  pages,
  verifier,
};

async function login(servers: Servers): Promise<Plan> {
  const { server, usernames } = await servers.signet();
  const peer = await servers.betterAuth();
  const id = 'signet.login';
  const others = await besidePeers(servers, 'login', 'login', id, LOGINS);
  return merged(
    {
      notes: [],
      measured: [
        servers.limited('limit.argon2', `argon2 verify, ${hashWidth} at once`, 'argon2', String(hashWidth)),
        servers.served(id, 'Signet login', server, {
          connections: LOGINS,
          requests: () => usernames.map((name) => loginRequest(name)),
          demand: demandMember('user'),
        }),
        servers.served('better-auth.login', 'Better Auth login', peer.server, {
          connections: LOGINS,
          requests: () =>
            peer.emails.map((email) =>
              request('POST', '/api/auth/sign-in/email', { json: { email, password: peerPassword } }),
            ),
          demand: demandMember('token'),
        }),
      ],
      comparisons: [
        { work: 'login', against: 'argon2 alone', value: rateOver(id, 'limit.argon2') },
        beside('login', 'Better Auth', id, 'better-auth.login'),
      ],
    },
    others,
    { notes: [], measured: [], comparisons: [KEYCLOAK, DJANGO].map((peer) => byProcessorTime(peer, id)) },
  );
}

/** Cores that hash are one less than cores here, and all of them there: the rate alone would say how many are used. */
function byProcessorTime(peer: string, id: string): Comparison {
  return {
    work: 'login',
    against: `${peer}, ${PROCESSOR}`,
    value: processorOver(id, `${peer.toLowerCase()}.login`),
  };
}

async function session(servers: Servers): Promise<Plan> {
  const { server, databaseUrl, cookies } = await servers.signet();
  const peer = await servers.betterAuth();
  const [id, work] = ['signet.session', 'session check'];
  const others = await besidePeers(servers, 'session', work, id);
  return merged(
    {
      notes: [],
      measured: [
        servers.limited('limit.select', 'point select, pg alone', 'select', databaseUrl),
        servers.limited(
          'limit.session',
          "the session's select, Signet's client",
          'session',
          selectParameter(databaseUrl, cookies),
        ),
        servers.served(id, `Signet ${work}`, server, {
          connections: CONNECTIONS,
          requests: () => cookies.map((cookie) => sessionRequest(cookie)),
          // An anonymous user gets an answer too, without a session.
          demand: demandMember('session'),
        }),
        servers.served('better-auth.session', 'Better Auth get-session', peer.server, {
          connections: CONNECTIONS,
          requests: () =>
            peer.cookies.map((cookie) => request('GET', '/api/auth/get-session', { headers: { cookie } })),
          demand: demandMember('session'),
        }),
      ],
      comparisons: [
        beside(work, OWN_SELECT, id, 'limit.session'),
        { work, against: 'point select', value: rateOver(id, 'limit.select') },
        beside(work, 'Better Auth', id, 'better-auth.session'),
      ],
    },
    others,
  );
}

/** The statements' own values: cookies, or tokens. */
function selectParameter(databaseUrl: string, tokens: readonly string[]): string {
  return JSON.stringify({ databaseUrl, tokens });
}

async function hasPerm(servers: Servers): Promise<Plan> {
  const { server, databaseUrl, cookies } = await servers.signet();
  const [id, work] = ['signet.has_perm', 'has_perm'];
  const fresh = () =>
    Promise.all(cookies.slice(0, 20).map((cookie) => tokenOf(server.port, sessionTokenRequest(cookie, AUDIENCE))));
  const requests = async () =>
    (await fresh()).map((token) =>
      request('POST', '/api/v1/has_perm', {
        headers: { authorization: `Bearer ${token}` },
        json: { perms: ['polls.add_choice', 'polls.publish_poll'] },
      }),
    );
  const others = await besidePeers(servers, 'has_perm', work, id);
  return merged(
    {
      notes: [],
      measured: [
        servers.limited('limit.select', 'point select, pg alone', 'select', databaseUrl),
        servers.limited('limit.token-state', "the token's select, Signet's client", 'token-state', async () =>
          selectParameter(databaseUrl, await fresh()),
        ),
        servers.served(id, 'Signet has_perm', server, {
          connections: CONNECTIONS,
          requests,
          demand: demandMember('results'),
        }),
      ],
      comparisons: [
        beside(work, OWN_SELECT, id, 'limit.token-state'),
        { work, against: 'point select', value: rateOver(id, 'limit.select') },
      ],
    },
    others,
  );
}

/** Without a request: the answer is in the token that a service has verified. */
async function verifier(servers: Servers): Promise<Plan> {
  const { server, installation, cookies } = await servers.signet();
  const id = 'verifier.has_perm';
  const parameter = async () =>
    JSON.stringify({
      issuer: installation.env['SIGNET_ISSUER'],
      audience: AUDIENCE,
      token: await tokenOf(server.port, sessionTokenRequest(cookies[0] as string, AUDIENCE)),
      names: ['polls.add_choice', 'polls.publish_poll'],
    });
  return {
    notes: [],
    measured: [servers.limited(id, 'has_perm in a verifier, Node', 'verifier', parameter)],
    comparisons: [
      {
        ...{ work: 'has_perm in a verifier', against: 'Node', unit: 'ns' },
        value: (round) => {
          const micros = round.get(id)?.cpuMicros;
          return micros === undefined ? undefined : micros * 1000;
        },
      },
    ],
  };
}
