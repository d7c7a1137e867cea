import { recordEvent } from '../../audit/index.ts';
import type { Database, Statement } from '../../platform/database/index.ts';
import { OAuthError } from '../../platform/http/index.ts';
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
import { draftGrantIdToken, type SignIdToken } from './grant-id-token.ts';
import { findGrantUser, type GrantTokenDeps, grantApi, grantTokens, type UserGrant } from './grant-tokens.ts';
import type { GrantRequest, GrantResult, ResponseExtras } from './grant-type.ts';
import { clientGrantLife } from './life.ts';
import { tokenTooLarge } from './too-large.ts';

export interface RedeemDeps extends GrantTokenDeps {
  readonly refreshKey: RefreshKey;
  readonly grantLife: GrantLife;
}

/** What a user has agreed to, which a client redeems once: an authorization code, or a device's. */
export interface RedeemableAuthorization
  extends UserGrant,
    Pick<GrantState, 'api' | 'scope' | 'claims'>,
    Partial<Pick<GrantState, 'apiVersion'>> {
  readonly digest: Buffer;
  readonly nonce: string | null;
  /** Of the table that it is in. */
  readonly redemption: Statement;
}

/**
 * Redeems what was agreed to and was found good. Everything that can refuse comes first; then one statement redeems it, opens the
 * grant and takes the place of its token. Null when somebody was first, or it is not good any more; `stale` when the client has
 * changed since it was read.
 */
export async function redeemAuthorization(
  deps: RedeemDeps,
  request: GrantRequest,
  agreed: RedeemableAuthorization,
): Promise<GrantResult | 'stale' | null> {
  const { client, now, jkt, requestState } = request;
  if (requestState.grant !== undefined) return again(deps, request, agreed, requestState.grant);
  const api = await grantApi(deps.access, agreed, request);
  const granted = await findGrantUser(deps, client, agreed, api, now);
  const scope = agreed.scope ?? undefined;
  const excess = overBudget(deps, { ...granted, issuer: deps.issuer, clientId: client.clientId, scope, jkt }, now);
  if (excess) throw tokenTooLarge(excess);
  const idToken = await draftGrantIdToken(deps, client, agreed, { scope, nonce: agreed.nonce, with: granted }, now);

  await request.spendProof();
  const opened = await redeem(deps, request, agreed);
  if (opened === null || opened === 'stale') return opened;
  requestState.grant = opened.id;
  // What is cut, and whether, is read after the place was taken: see `grantTokens`.
  const { holder, ...subject } = client.isFirstParty ? granted : await findGrantUser(deps, client, agreed, api, now);
  return {
    ...subject,
    // A version other than that of the rights sends the request round again.
    principal: { ...holder, version: opened.version },
    scope,
    owner: { kind: 'grant', id: opened.id, principal: agreed.user.id, api: api.id, endsAt: opened.endsAt },
    statusIndex: opened.statusIndex,
    finish: (token) => finish(opened.refreshToken, idToken, token),
  };
}

function redeem(
  { db, refreshKey, grantLife }: RedeemDeps,
  { client, now, jkt }: GrantRequest,
  agreed: RedeemableAuthorization,
) {
  const { digest, claims } = agreed;
  const isRefreshable = client.grantTypes.includes('refresh_token');
  // RFC 9449 §5: a public client's refresh tokens are bound to the key; others authenticate at every use.
  const dpopJkt = client.authMethod === 'none' ? jkt : null;
  const given = { digest, clientVersion: client.version, isRefreshable, dpopJkt, claims };
  return redeemGrant(db, agreed.redemption, refreshKey, given, clientGrantLife(client, grantLife), now);
}

/** Another attempt at the request that has redeemed it: by the grant that it has opened. */
async function again(
  deps: RedeemDeps,
  request: GrantRequest,
  agreed: RedeemableAuthorization,
  id: string,
): Promise<GrantResult> {
  const grant = await readGrant(deps.db, id, request.now);
  if (!grant?.isLive) throw invalidCode();
  const api = await grantApi(deps.access, grant, request);
  const scope = grant.scope ?? undefined;
  const granted = await grantTokens(deps, request, grant, api, scope);
  const asked = { scope, nonce: agreed.nonce, with: granted };
  const idToken = await draftGrantIdToken(deps, request.client, agreed, asked, request.now);
  const first = grant.isRefreshable ? refreshToken(deps.refreshKey, grant, grant.generation) : undefined;
  return { ...granted, finish: (token) => finish(first, idToken, token) };
}

async function finish(
  first: string | undefined,
  signIdToken: SignIdToken | null,
  { token }: AccessToken,
): Promise<ResponseExtras> {
  return { refreshToken: first, idToken: (await signIdToken?.(token)) ?? undefined };
}

/**
 * RFC 6749 §4.1.2, §10.5: what comes a second time ends what it gave, also long after it has expired: somebody has had it who should
 * not. Committed before the refusal. The very request again, with its proof, ends nothing; and where there is nothing left to end, no
 * proof leaves a mark.
 */
export async function endReusedGrant(
  db: Database,
  { client, jkt, now, spendProof }: GrantRequest,
  grant: string,
  user: string | null,
): Promise<void> {
  if (jkt !== null && (await readGrant(db, grant, now))?.isLive) await spendProof();
  await db.fork().transactional(async (tx) => {
    const ended = await endGrants(tx, now, { id: grant }, 'code_reused');
    if (ended.length === 0) return;
    recordEvent(tx, now, { kind: 'code_reused', userId: user, detail: { grant, client: client.id } });
  });
}

/** RFC 6749 §5.2: one refusal for whatever is wrong with a code. */
export function invalidCode(): OAuthError {
  return new OAuthError('invalid_grant', 'This code is not good, or not any more.');
}
