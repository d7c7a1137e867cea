import { openCodes } from './code-rows.ts';
import { merged, type Plan, rateOver } from './figures.ts';
import {
  AUDIENCE,
  ES256_AUDIENCE,
  introspectRequest,
  OPAQUE_AUDIENCE,
  tokenOf,
  tokenRequest,
  tokensOf,
} from './fixtures.ts';
import { besidePeers } from './peers/beside.ts';
import { demandActive, demandToken, demandUser, type Signed } from './peers/peer.ts';
import {
  CONNECTIONS,
  inTurn,
  introspections,
  USER_SCOPE,
  USERS,
  userinfo as userinfoRequest,
} from './peers/requests.ts';
import type { Servers } from './servers.ts';
import { POSTGRESQL } from './targets.ts';

/** More than the server remembers the signatures of (4 million characters). */
const DIFFERENT_TOKENS = 10_000;

export async function token(servers: Servers, kind: Signed | 'opaque'): Promise<Plan> {
  const { server, client } = await servers.signet();
  const work = `token ${kind}`;
  const id = `signet.token.${kind}`;
  const audience = { RS256: AUDIENCE, ES256: ES256_AUDIENCE, opaque: OPAQUE_AUDIENCE }[kind];
  const others = await besidePeers(servers, `token-${kind === 'opaque' ? kind : lower(kind)}`, work, id);
  const limit = kind === 'opaque' ? [] : [servers.limited(`limit.${kind}`, `sign ${kind}`, kind)];
  return merged(
    {
      notes: [],
      measured: [
        ...limit,
        servers.served(id, `Signet ${work}`, server, {
          connections: CONNECTIONS,
          requests: () => [tokenRequest(client, audience)],
          demand: demandToken(kind),
        }),
      ],
      comparisons: limit.map(() => ({ work, against: `sign ${kind} alone`, value: rateOver(id, `limit.${kind}`) })),
    },
    others,
  );
}

const lower = (alg: Signed) => alg.toLowerCase() as Lowercase<Signed>;

export async function introspect(servers: Servers): Promise<Plan> {
  const { server, client, databaseUrl } = await servers.signet();
  const id = 'signet.introspect';
  const others = await besidePeers(servers, 'introspect', 'introspect', id);
  const asked = tokenRequest(client, AUDIENCE);
  return merged(
    {
      notes: [],
      measured: [
        servers.limited('limit.select', 'point select, pg alone', 'select', databaseUrl),
        servers.served(id, 'Signet introspect', server, {
          connections: CONNECTIONS,
          requests: () => introspections(server.port, asked, (token) => introspectRequest(client, token)),
          demand: demandActive,
        }),
      ],
      comparisons: [{ work: 'introspect', against: 'point select', value: rateOver(id, 'limit.select') }],
    },
    others,
  );
}

/** Every request brings another token, whose signature the server has not seen lately. */
export async function introspectNew(servers: Servers): Promise<Plan> {
  const { server, client } = await servers.signet();
  const id = 'signet.introspect.new';
  const title = `Signet introspect, ${DIFFERENT_TOKENS.toLocaleString('en')} different tokens in turn`;
  const work = 'introspect, different tokens';
  const requests = async () => {
    const issued = await tokensOf(server.port, tokenRequest(client, AUDIENCE), DIFFERENT_TOKENS);
    return issued.map((token) => introspectRequest(client, token));
  };
  return {
    notes: [],
    measured: [servers.served(id, title, server, { connections: CONNECTIONS, requests, demand: demandActive })],
    comparisons: [
      { work, against: 'a thousand tokens in turn', value: rateOver(id, 'signet.introspect') },
      { work, against: `${POSTGRESQL}, a thousand`, value: rateOver(id, 'oidc-provider-postgresql.introspect') },
    ],
  };
}

/** The claims of users whose tokens a client got by redeeming codes. */
export async function userinfo(servers: Servers): Promise<Plan> {
  const own = await servers.signet();
  const id = 'signet.userinfo';
  const others = await besidePeers(servers, 'userinfo', 'userinfo', id);
  const codes = await openCodes(own, 'bench userinfo', AUDIENCE, USER_SCOPE);
  const requests = async () =>
    inTurn(await codes.make(USERS), CONNECTIONS, async (redemption) =>
      userinfoRequest('/oauth2/userinfo', await tokenOf(own.server.port, redemption)),
    );
  return merged(
    {
      notes: [],
      measured: [
        servers.served(id, 'Signet userinfo', own.server, {
          connections: CONNECTIONS,
          requests,
          demand: demandUser,
        }),
      ],
      comparisons: [],
    },
    others,
  );
}
