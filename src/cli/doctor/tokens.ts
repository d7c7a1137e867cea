import type { SqlEntityManager } from '@mikro-orm/sql';
import { findSourceId } from '../../imports/index.ts';
import { Client } from '../../oauth/index.ts';
import {
  type Api,
  type LargePrincipal,
  largestPrincipals,
  listApis,
  noRights,
  readRights,
  readSuperusers,
} from '../../permissions/index.ts';
import type { Database } from '../../platform/database/index.ts';
import { findSuperuser } from '../../signin/index.ts';
import {
  draftAccessToken,
  type KeyRing,
  OWN_CLIENT,
  PLACEHOLDER_ID,
  signAccessToken,
  type TokenRequest,
  verifyAccessToken,
} from '../../tokens/index.ts';
import { findActiveUser, userPrincipal } from '../../users/index.ts';
import { type Check, fail, ok, warn } from './check.ts';

/** The input of the token checks. */
export interface TokenCheckDeps {
  readonly db: Database;
  readonly keys: KeyRing;
  readonly issuer: string;
  readonly now: Date;
}

/** Share of the budget above which a few more permissions stop logins. */
const NEAR_BUDGET = 0.8;

/** Principals per API that are examined, largest first: an inactive one gets no token. */
const MAX_CANDIDATES = 5;

/** Checks that a token signed here names the issuer and verifies. */
export function checkSigning({ keys, issuer, now }: TokenCheckDeps): Check {
  const name = 'signing';
  const { kid } = keys.signer('RS256');
  const api = { audience: 'doctor', isBuiltin: false, typ: 'at+jwt', ttlSeconds: 60, budgetBytes: 8192 } as const;
  const request = {
    issuer,
    api: {
      ...api,
      alg: 'RS256',
      tokenKind: 'jwt',
      format: 'list',
      overBudget: 'fail',
      withUsername: false,
      withSourceId: false,
    } as const,
    clientId: OWN_CLIENT,
    subject: { id: '00000000-0000-0000-0000-000000000000' },
    rights: noRights,
    session: null,
    scope: undefined,
  };
  const claims = verifyAccessToken(keys, issuer, signAccessToken(keys, request, now).token, now);
  return claims?.iss === issuer
    ? ok(name, `The master key opens the signing keys. The key ${kid} signs with RS256, and iss is the issuer.`)
    : fail(name, 'A token that was signed here does not verify here.', 'Please report this: it is a bug in Signet.');
}

/** Compares each API's largest token with its budget: a line for each that is near it, else one line for all. */
export async function checkSizes(issuing: TokenCheckDeps): Promise<Check[]> {
  const em = issuing.db.fork();
  const largest = await largestPrincipals(em, issuing.now, MAX_CANDIDATES);
  const superuser = await findSuperuser(em);
  const nearBudgets: Check[] = [];
  let fullest = { share: 0, audience: '' };
  for (const api of await listApis(em)) {
    const superusers = [
      ...(superuser ? [superuser.id] : []),
      ...(await readSuperusers(em, api.id)).slice(0, MAX_CANDIDATES),
    ];
    const bytes = await largestToken(issuing, em, api, [
      ...superusers.map((id) => ({ kind: 'user' as const, id, bytes: Number.POSITIVE_INFINITY })),
      ...largest.filter((one) => one.apiId === api.id),
    ]);
    const share = bytes / api.budgetBytes;
    if (share > fullest.share) fullest = { share, audience: api.audience };
    if (share >= NEAR_BUDGET) nearBudgets.push(nearBudget(api, bytes));
  }
  if (nearBudgets.length > 0) return nearBudgets;
  if (fullest.share === 0) return [ok('token size', 'No user and no client has permissions yet.')];
  return [
    ok(
      'token size',
      `The largest token uses ${Math.round(fullest.share * 100)} % of its budget (${fullest.audience}).`,
    ),
  ];
}

function nearBudget({ audience, budgetBytes }: Api, bytes: number): Check {
  const summary = `The largest token for ${audience} has ${bytes} bytes, and the budget is ${budgetBytes}`;
  const remedy = `Raise the budget (npx signet api update ${audience} --budget 8192), use a bitmap (--over-budget bitmap), or remove permissions from the user or client with the most.`;
  return bytes > budgetBytes
    ? fail('token size', `${summary}: that login fails (token_over_budget).`, remedy)
    : warn('token size', `${summary}.`, remedy);
}

type Candidate = Pick<LargePrincipal, 'kind' | 'id' | 'bytes'>;

/**
 * Returns the size in bytes of the largest token that a principal gets now. Candidates come largest first by an upper bound, so the search
 * ends at the first bound below the largest size.
 */
async function largestToken(
  issuing: TokenCheckDeps,
  em: SqlEntityManager,
  api: Api,
  candidates: readonly Candidate[],
): Promise<number> {
  let largest = { bytes: 0, names: 0 };
  for (const one of candidates) {
    if (one.bytes < largest.names) break;
    const request = await (one.kind === 'user' ? userRequest : clientRequest)(issuing, em, api, one.id);
    if (!request) continue;
    const bytes = draftAccessToken(issuing.keys, request, issuing.now).bytes;
    const names = Buffer.byteLength(JSON.stringify([...request.rights.permissions])) - 1;
    if (bytes > largest.bytes) largest = { bytes, names };
  }
  return largest.bytes;
}

/** Returns null for a user who gets no token. */
async function userRequest(
  { db, issuer, now }: TokenCheckDeps,
  em: SqlEntityManager,
  api: Api,
  id: string,
): Promise<TokenRequest | null> {
  const user = await findActiveUser(db, id);
  if (!user) return null;
  const rights = await readRights(em, userPrincipal(user), api.id, now);
  const sourceId = api.withSourceId ? await findSourceId(db, api.audience, id) : undefined;
  const session = { id: PLACEHOLDER_ID, authTime: now, amr: ['pwd'] };
  return { issuer, api, clientId: OWN_CLIENT, subject: user, rights, session, scope: undefined, sourceId };
}

async function clientRequest(
  { issuer, now }: TokenCheckDeps,
  em: SqlEntityManager,
  api: Api,
  id: string,
): Promise<TokenRequest | null> {
  const client = await em.findOne(Client, id);
  if (!client?.isActive) return null;
  const { clientId } = client;
  const rights = await readRights(em, { kind: 'client', id, isActive: true, isSuperuser: false }, api.id, now);
  return { issuer, api, clientId, subject: { id: clientId }, rights, session: null, scope: undefined };
}

/** RFC 8725 §3.11, RFC 9068 §4. */
export const AUDIENCE_ONLY =
  'Tokens of typ JWT look like ID tokens: only the audience tells them apart. Make sure that the API checks aud, and use --typ at+jwt as soon as its library supports it.';

/** Finds APIs whose tokens differ from ID tokens only by their audience. */
export async function checkTokenTyp(em: SqlEntityManager): Promise<Check> {
  const name = 'token typ';
  const audiences = (await listApis(em))
    .filter((api) => api.typ === 'JWT' && api.tokenKind === 'jwt')
    .map((api) => api.audience);
  if (audiences.length === 0) return ok(name, 'Access tokens have their own typ at every API.');
  return warn(name, `Access tokens are of typ JWT at ${audiences.join(', ')}.`, AUDIENCE_ONLY);
}
