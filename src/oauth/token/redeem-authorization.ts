import { recordEvent } from '../../audit/index.ts';
import type { Database, Statement } from '../../platform/database/index.ts';
import {
  type AccessToken,
  endGrants,
  type GrantLife,
  type GrantState,
  overBudget,
  type RefreshKey,
  readGrant,
  redeemGrant,
  refreshToken,
} from '../../tokens/index.ts';
import { oauthError } from '../errors.ts';
import { draftGrantIdToken, type SignIdToken } from './grant-id-token.ts';
import {
  clientGrantLife,
  findGrantUser,
  type GrantTokenDeps,
  grantApi,
  grantTokens,
  type UserGrant,
} from './grant-tokens.ts';
import { type GrantRequest, type GrantResult, type ResponseExtras, tokenTooLarge } from './grant-type.ts';

export interface RedeemDeps extends GrantTokenDeps {
  readonly refreshKey: RefreshKey;
  readonly grantLife: GrantLife;
}

/** A user's authorization, which a client redeems once: by an authorization code or a device code. */
export interface RedeemableAuthorization
  extends UserGrant,
    Pick<GrantState, 'api' | 'scope' | 'claims'>,
    Partial<Pick<GrantState, 'apiVersion'>> {
  readonly digest: Buffer;
  readonly nonce: string | null;
  /** The statement that redeems a row of its table. */
  readonly redemption: Statement;
}

/**
 * Redeems an authorization that has passed its checks. The other checks come first; then one statement redeems it, opens the grant and
 * allocates the status index of its token. Null: another request was first, or the authorization is no longer valid. `stale`: the client
 * has changed since it was read.
 */
export async function redeemAuthorization(
  deps: RedeemDeps,
  request: GrantRequest,
  authorization: RedeemableAuthorization,
): Promise<GrantResult | 'stale' | null> {
  const { client, now, jkt, requestState } = request;
  if (requestState.grant !== undefined) return resumeRedeemed(deps, request, authorization, requestState.grant);
  const api = await grantApi(deps.access, authorization, request);
  const grantUser = await findGrantUser(deps, client, authorization, api, now);
  const scope = authorization.scope ?? undefined;
  const tokenRequest = { ...grantUser, issuer: deps.issuer, clientId: client.clientId, scope, jkt };
  const excess = overBudget(deps, tokenRequest, now);
  if (excess) throw tokenTooLarge(excess);
  const idTokenRequest = { scope, nonce: authorization.nonce, with: grantUser };
  const signIdToken = await draftGrantIdToken(deps, client, authorization, idTokenRequest, now);

  await request.markProofUsed();
  const opened = await redeem(deps, request, authorization);
  if (opened === null || opened === 'stale') return opened;
  requestState.grant = opened.id;
  // Limited rights are read after the status index is allocated: see `grantTokens`.
  const { principal, ...subject } = client.isFirstParty
    ? grantUser
    : await findGrantUser(deps, client, authorization, api, now);
  return {
    ...subject,
    // A version other than that of the rights makes the endpoint try again.
    principal: { ...principal, version: opened.version },
    scope,
    owner: { kind: 'grant', id: opened.id, principal: authorization.user.id, api: api.id, endsAt: opened.endsAt },
    statusIndex: opened.statusIndex,
    finish: (token) => createExtras(opened.refreshToken, signIdToken, token),
  };
}

function redeem(
  { db, refreshKey, grantLife }: RedeemDeps,
  { client, now, jkt }: GrantRequest,
  { digest, claims, redemption }: RedeemableAuthorization,
) {
  const isRefreshable = client.grantTypes.includes('refresh_token');
  // RFC 9449 §5: a public client's refresh tokens are bound to the key; other clients authenticate at every use.
  const dpopJkt = client.authMethod === 'none' ? jkt : null;
  const grant = { statement: redemption, digest, clientVersion: client.version, isRefreshable, dpopJkt, claims };
  return redeemGrant(db, refreshKey, grant, clientGrantLife(client, grantLife), now);
}

/** Handles another attempt at the request that has redeemed the authorization, by the grant that was opened. */
async function resumeRedeemed(
  deps: RedeemDeps,
  request: GrantRequest,
  authorization: RedeemableAuthorization,
  id: string,
): Promise<GrantResult> {
  const grant = await readGrant(deps.db, id, request.now);
  if (!grant?.isLive) throw oauthError('code_invalid');
  const api = await grantApi(deps.access, grant, request);
  const scope = grant.scope ?? undefined;
  const result = await grantTokens(deps, request, grant, api, scope);
  const idTokenRequest = { scope, nonce: authorization.nonce, with: result };
  const signIdToken = await draftGrantIdToken(deps, request.client, authorization, idTokenRequest, request.now);
  const firstToken = grant.isRefreshable ? refreshToken(deps.refreshKey, grant, grant.generation) : undefined;
  return { ...result, finish: (token) => createExtras(firstToken, signIdToken, token) };
}

async function createExtras(
  firstToken: string | undefined,
  signIdToken: SignIdToken | null,
  { token }: AccessToken,
): Promise<ResponseExtras> {
  return { refreshToken: firstToken, idToken: (await signIdToken?.(token)) ?? undefined };
}

/**
 * RFC 6749 §4.1.2, §10.5: a code that is used a second time ends the grant that it has opened, also long after it has expired, because it
 * may be stolen. Committed before the error. A repeat of the same request with its proof ends nothing; and if no grant is live, the proof
 * is not marked used.
 */
export async function endReusedGrant(
  db: Database,
  { client, jkt, now, markProofUsed }: GrantRequest,
  grant: string,
  user: string | null,
): Promise<void> {
  if (jkt !== null && (await readGrant(db, grant, now))?.isLive) await markProofUsed();
  await db.fork().transactional(async (tx) => {
    const ended = await endGrants(tx, now, { id: grant }, 'code_reused');
    if (ended.length === 0) return;
    recordEvent(tx, now, { kind: 'code_reused', userId: user, detail: { grant, client: client.id } });
  });
}
