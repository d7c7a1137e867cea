import type { ApiSnapshot, PermissionCache } from '../../permissions/index.ts';
import type { Database } from '../../platform/database/index.ts';
import type { Clock } from '../../platform/time.ts';
import {
  type AccessToken,
  grantedScope,
  type IssueSnapshot,
  issueAccessToken,
  issueWithRetry,
  type KeyRing,
  overBudget,
  readIssueSnapshot,
  type Sign,
  type TokenRequest,
} from '../../tokens/index.ts';
import { authenticateClient, type PresentedClient } from '../client-auth.ts';
import type { ClientCache, LiveClient } from '../clients/cache.ts';
import type { Proof } from '../dpop/proofs.ts';
import { oauthError } from '../errors.ts';
import { type GrantType, type Preloaded, type RequestState, type ResponseExtras, tokenTooLarge } from './grant-type.ts';
import { findTarget, peekTarget } from './target.ts';

export interface TokenEndpoint {
  readonly db: Database;
  readonly access: PermissionCache;
  readonly clients: ClientCache;
  readonly clock: Clock;
  readonly keys: KeyRing;
  readonly sign?: Sign;
  readonly issuer: string;
  readonly grantTypes: readonly GrantType[];
  /** Verifies DPoP proofs. */
  readonly proofs?: ProofReader;
}

/** Port of RFC 9449: verifies a proof. Throws OAuthError `invalid_dpop_proof` or `use_dpop_nonce`. */
export interface ProofReader {
  read(proof: string, of: { readonly method: string; readonly url: string }, now: Date): Promise<Proof>;
}

/** RFC 6749 §5.1. */
export interface TokenResponse {
  readonly access_token: string;
  readonly token_type: 'Bearer' | 'DPoP';
  readonly expires_in: number;
  readonly scope?: string;
  readonly refresh_token?: string;
  readonly id_token?: string;
  readonly issued_token_type?: string;
}

/**
 * The token endpoint (RFC 6749 §3.2), with the same phases for every grant type. The route has set no-store, read the form and refused
 * repeated parameters. All checks come before anything is written.
 */
export async function handleTokenRequest(endpoint: TokenEndpoint, presented: PresentedClient): Promise<TokenResponse> {
  const requestState: RequestState = {};
  const response = await issueWithRetry(() => attempt(endpoint, presented, requestState));
  if (response === 'ended') throw oauthError('subject_ended');
  return response;
}

/** Runs the phases once. Returns `stale` if a value that was read has changed before the token had its status index. */
async function attempt(
  endpoint: TokenEndpoint,
  presented: PresentedClient,
  requestState: RequestState,
): Promise<TokenResponse | 'stale' | 'ended'> {
  const { access, clients, issuer, clock } = endpoint;
  const now = clock.now();
  const { form } = presented;

  // 1. Authenticate the client, before anything else of the request is read. One statement tells whether its cached row is current.
  const caller = await authenticateClient(clients, presented, now, { allowPublic: true });
  const peek = peekTarget(access, caller.peek, form);
  const preloaded = (await preload(endpoint, form, now)) ?? null;
  const snapshot = await readSnapshot(endpoint, caller.id, peek, preloaded);
  const client = await caller.revalidate(snapshot.principal);

  // 2. Find the grant type.
  const grantType = findGrantType(endpoint, client, form['grant_type']);

  // 3. Verify the DPoP proof, once. It is marked used after the last check, so that a refused request leaves no mark.
  requestState.proof ??= await verifyProof(endpoint, client, presented, now);
  const { proof } = requestState;
  const jkt = proof?.jkt ?? null;
  const markProofUsed = async () => proof?.markUsed();

  // 4. Authorize, for the target API. The snapshot of the peeked API counts for no other.
  const target = () => findTarget(access, client, form, peek && { id: peek.id, version: snapshot.api });
  const statusIndex = client.version === snapshot.principal ? snapshot.statusIndex : null;
  const ownIndex = peek && { api: peek.id, statusIndex };
  const grantRequest = { client, form, now, jkt, markProofUsed, target, ownIndex, preloaded, requestState };
  const result = await grantType.authorize(grantRequest);
  if (result === 'stale') return 'stale';

  // 5. Check the budget. With a status index and without a proof nothing is written before phase 6, which checks it too.
  const { api, subject, rights, session, scope, sourceId, act, until } = result;
  const content = { api, subject, rights, session, scope, sourceId, act, until };
  const request = { issuer, clientId: client.clientId, ...content, jkt };
  const excess = result.statusIndex && !proof ? null : overBudget(endpoint, request, now);
  if (excess) throw tokenTooLarge(excess);
  await markProofUsed();

  // 6. Allocate the status index and sign: the last checks before anything is written that cannot be repeated.
  const issued = await issueAccessToken(endpoint, { ...result, request }, now);
  if (issued === 'stale' || issued === 'ended') return issued;
  if ('budget' in issued) throw tokenTooLarge(issued);

  // 7. Write, and respond.
  const extras = (await result.finish?.(issued)) ?? {};
  return createResponse(request, issued, extras, form['scope']);
}

/** Reads what the grant type needs anyway. An unknown grant type is refused only after the client is authenticated. */
async function preload({ grantTypes }: TokenEndpoint, form: PresentedClient['form'], now: Date) {
  return grantTypes.find((one) => one.type === form['grant_type'])?.preload?.(form, now);
}

/** Reads the version of the caller, or takes it from `preloaded` where that is the caller's own. */
async function readSnapshot(
  { db }: TokenEndpoint,
  caller: string,
  peek: ApiSnapshot | undefined,
  preloaded: Preloaded | null,
): Promise<IssueSnapshot> {
  if (!preloaded) return readIssueSnapshot(db, caller, peek?.id ?? null, caller);
  const { client, clientVersion } = preloaded;
  return { principal: client === caller ? clientVersion : null, api: null, statusIndex: null };
}

function createResponse(
  request: TokenRequest & { readonly jkt: string | null },
  { token, expiresIn }: AccessToken,
  { refreshToken, idToken, issuedTokenType }: ResponseExtras,
  requestedScope: string | undefined,
): TokenResponse {
  return {
    access_token: token,
    // RFC 9449 §5.
    token_type: request.jkt === null ? 'Bearer' : 'DPoP',
    expires_in: expiresIn,
    ...scopeParameter(request, requestedScope),
    ...(refreshToken ? { refresh_token: refreshToken } : {}),
    ...(idToken ? { id_token: idToken } : {}),
    ...(issuedTokenType ? { issued_token_type: issuedTokenType } : {}),
  };
}

/**
 * RFC 6749 §3.3, §5.1: the granted scopes; empty if none of the requested ones remains, because a missing `scope` would
 * mean all of them.
 */
function scopeParameter(request: TokenRequest, sent: string | undefined): Pick<TokenResponse, 'scope'> {
  const scope = grantedScope(request);
  return scope === undefined && sent === undefined && request.scope === undefined ? {} : { scope: scope ?? '' };
}

/** RFC 9449 §5: returns null if the client sends no proof and needs none. */
async function verifyProof(
  { proofs, issuer }: TokenEndpoint,
  client: LiveClient,
  { dpop }: PresentedClient,
  now: Date,
): Promise<Proof | null> {
  if (dpop !== undefined && proofs) return proofs.read(dpop, { method: 'POST', url: `${issuer}/oauth2/token` }, now);
  // RFC 9449 §5.2: a missing proof is not an invalid one, so this is RFC 6749 §5.2's "missing a required parameter".
  if (client.settings.dpopBound) throw oauthError('dpop_required');
  return null;
}

function findGrantType({ grantTypes }: TokenEndpoint, client: LiveClient, type: string | undefined): GrantType {
  if (!type) throw oauthError('parameter_missing', { name: 'grant_type' });
  const grantType = grantTypes.find((one) => one.type === type);
  if (!grantType) throw oauthError('grant_type_unsupported');
  const isPublic = client.authMethod === 'none';
  if (!client.grantTypes.includes(type) || (grantType.needsConfidentialClient && isPublic))
    throw oauthError('grant_type_not_allowed');
  return grantType;
}
