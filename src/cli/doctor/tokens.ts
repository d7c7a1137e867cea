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

/** What the checks of tokens look at. */
export interface Issuing {
  readonly db: Database;
  readonly keys: KeyRing;
  readonly issuer: string;
  readonly now: Date;
}

/** Of the budget: above this a few more permissions stop logins. */
const NEAR = 0.8;

/** Holders of an API that are looked at, the largest first: one that is inactive has no token. */
const CANDIDATES = 5;

/** Whether what is signed here says the issuer, and is accepted here. */
export function checkSigning({ keys, issuer, now }: Issuing): Check {
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
    ? ok(name, `The master key opens the signing keys; RS256 ${kid} signs, and iss is the issuer.`)
    : fail(name, 'A token that was signed here is not accepted here.', 'Report this: it is a fault of Signet.');
}

/** Each API's largest token against its budget: a line for each that is near it, else one for all. */
export async function checkSizes(issuing: Issuing): Promise<Check[]> {
  const em = issuing.db.fork();
  const largest = await largestPrincipals(em, issuing.now, CANDIDATES);
  const superuser = await findSuperuser(em);
  const near: Check[] = [];
  let most = { share: 0, audience: '' };
  for (const api of await listApis(em)) {
    const superusers = [
      ...(superuser ? [superuser.id] : []),
      ...(await readSuperusers(em, api.id)).slice(0, CANDIDATES),
    ];
    const bytes = await largestToken(issuing, em, api, [
      ...superusers.map((id) => ({ kind: 'user' as const, id, bytes: Number.POSITIVE_INFINITY })),
      ...largest.filter((one) => one.apiId === api.id),
    ]);
    const share = bytes / api.budgetBytes;
    if (share > most.share) most = { share, audience: api.audience };
    if (share >= NEAR) near.push(nearBudget(api, bytes));
  }
  if (near.length > 0) return near;
  if (most.share === 0) return [ok('token size', 'Nobody holds anything yet.')];
  return [ok('token size', `The largest has ${Math.round(most.share * 100)} % of its budget (${most.audience}).`)];
}

function nearBudget({ audience, budgetBytes }: Api, bytes: number): Check {
  const said = `The largest token for ${audience} has ${bytes} bytes; the budget is ${budgetBytes}`;
  const remedy = `Give it more (npx signet api update ${audience} --budget 8192), let its tokens carry a bitmap (--over-budget bitmap), or give fewer permissions to its largest holder.`;
  return bytes > budgetBytes
    ? fail('token size', `${said}: that login is refused (token_over_budget).`, remedy)
    : warn('token size', `${said}.`, remedy);
}

type Candidate = Pick<LargePrincipal, 'kind' | 'id' | 'bytes'>;

/**
 * Bytes of the largest token that somebody gets now. The candidates come largest first by a bound that is never too small, so
 * that the search ends with the first bound that is below what was found.
 */
async function largestToken(
  issuing: Issuing,
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

/** Null for whoever gets no token. */
async function userRequest(
  { db, issuer, now }: Issuing,
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
  { issuer, now }: Issuing,
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
  'Tokens of typ JWT look like ID tokens: the audience is the only guard between the two. Make sure that the API checks aud, and use --typ at+jwt as soon as its library takes that.';

/** APIs whose tokens can be told from ID tokens by their audience alone. */
export async function checkTyp(em: SqlEntityManager): Promise<Check> {
  const name = 'token typ';
  const audiences = (await listApis(em))
    .filter((api) => api.typ === 'JWT' && api.tokenKind === 'jwt')
    .map((api) => api.audience);
  if (audiences.length === 0) return ok(name, 'Access tokens have a typ of their own at every API.');
  return warn(name, `Access tokens are of typ JWT at ${audiences.join(', ')}.`, AUDIENCE_ONLY);
}
