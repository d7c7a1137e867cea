import type { PermissionCache } from '../../permissions/index.ts';
import type { Database } from '../../platform/database/index.ts';
import { OAuthError } from '../../platform/http/index.ts';
import type { Clock } from '../../platform/time.ts';
import {
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
import type { GrantType, Preloaded, RequestState } from './grant-type.ts';
import { findTarget, peekTarget } from './target.ts';
import { tokenTooLarge } from './too-large.ts';

export interface TokenEndpoint {
  readonly db: Database;
  readonly access: PermissionCache;
  readonly clients: ClientCache;
  readonly clock: Clock;
  readonly keys: KeyRing;
  readonly sign?: Sign;
  readonly issuer: string;
  readonly grants: readonly GrantType[];
  /** Reads DPoP proofs. */
  readonly proofs?: ProofReader;
}

/** Port of RFC 9449: what a proof shows, or OAuthError `invalid_dpop_proof`, `use_dpop_nonce`. */
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
 * The token endpoint, the same for every grant (RFC 6749 §3.2). Before it, the route has seen to no-store, the form and
 * repeated parameters. Everything that can refuse comes before anything is written.
 */
export async function handleTokenRequest(endpoint: TokenEndpoint, presented: PresentedClient): Promise<TokenResponse> {
  const requestState: RequestState = {};
  const answer = await issueWithRetry(() => attempt(endpoint, presented, requestState));
  if (answer === 'ended') throw new OAuthError('invalid_grant', 'Whoever this token would be for has ended.');
  return answer;
}

/** One pass through the phases; `stale` when something that was read has changed before the token had its place. */
async function attempt(
  endpoint: TokenEndpoint,
  presented: PresentedClient,
  requestState: RequestState,
): Promise<TokenResponse | 'stale' | 'ended'> {
  const { db, access, clients, issuer, clock } = endpoint;
  const now = clock.now();
  const { form } = presented;

  // 1. Who asks? Before anything that was sent is looked at. One statement says whether what is known of it still holds.
  const caller = await authenticateClient(clients, presented, now, { allowPublic: true });
  const peek = peekTarget(access, caller.peek, form);
  const preloaded = await endpoint.grants.find((one) => one.type === form['grant_type'])?.preload?.(form, now);
  const seen = preloaded
    ? preloadedSnapshot(preloaded, caller.id)
    : await readIssueSnapshot(db, caller.id, peek?.id ?? null, caller.id);
  const client = await caller.revalidate(seen.principal);

  // 2. How?
  const grant = findGrantType(endpoint, client, form['grant_type']);

  // 3. Bound to a key? Its proof is read once, and spent once nothing can refuse any more: what is refused leaves no mark of it.
  requestState.proof ??= await verifyProof(endpoint, client, presented, now);
  const { proof } = requestState;
  const jkt = proof?.jkt ?? null;
  const spendProof = async () => proof?.markUsed();

  // 4. For which API, and may it? What the statement saw of the peek counts for no other.
  const target = () => findTarget(access, client, form, peek && { id: peek.id, version: seen.api });
  const statusIndex = client.version === seen.principal ? seen.statusIndex : null;
  const seenPlace = peek && { api: peek.id, statusIndex };
  const asked = {
    client,
    form,
    now,
    jkt,
    spendProof,
    target,
    seen: seenPlace,
    preloaded: preloaded ?? null,
    requestState,
  };
  const granted = await grant.authorize(asked);
  if (granted === 'stale') return 'stale';

  // 5. Does the token fit? Where it has a place already, and no proof is spent, nothing is written before 6 says so.
  const { api, subject, rights, session, scope, sourceId, act, until } = granted;
  const of = { api, subject, rights, session, scope, sourceId, act, until };
  const request = { issuer, clientId: client.clientId, ...of, jkt };
  const excess = granted.statusIndex && !proof ? null : overBudget(endpoint, request, now);
  if (excess) throw tokenTooLarge(excess);
  await spendProof();

  // 6. Its place, and the signature: all that can still refuse comes before anything is written that cannot be done again.
  const minted = await issueAccessToken(endpoint, { ...granted, request }, now);
  if (minted === 'stale' || minted === 'ended') return minted;
  if ('budget' in minted) throw tokenTooLarge(minted);

  // 7. Write.
  const finished = await granted.finish?.(minted);
  const { token, expiresIn } = minted;
  return {
    access_token: token,
    // RFC 9449 §5.
    token_type: jkt === null ? 'Bearer' : 'DPoP',
    expires_in: expiresIn,
    ...scopeParameter(request, form['scope']),
    ...(finished?.refreshToken ? { refresh_token: finished.refreshToken } : {}),
    ...(finished?.idToken ? { id_token: finished.idToken } : {}),
    ...(finished?.issuedTokenType ? { issued_token_type: finished.issuedTokenType } : {}),
  };
}

/**
 * RFC 6749 §3.3, §5.1: what is left of the scopes that were asked for, with the token or with what its user has agreed to. Also when
 * nothing is: absent it would mean all of them.
 */
function scopeParameter(request: TokenRequest, sent: string | undefined): Pick<TokenResponse, 'scope'> {
  const scope = grantedScope(request);
  return scope === undefined && sent === undefined && request.scope === undefined ? {} : { scope: scope ?? '' };
}

/** The version of the caller, where what was read is its own. */
function preloadedSnapshot({ client, clientVersion }: Preloaded, caller: string): IssueSnapshot {
  return { principal: client === caller ? clientVersion : null, api: null, statusIndex: null };
}

/** RFC 9449 §5: null where the client sends none and need not. */
async function verifyProof(
  { proofs, issuer }: TokenEndpoint,
  client: LiveClient,
  { dpop }: PresentedClient,
  now: Date,
): Promise<Proof | null> {
  if (dpop !== undefined && proofs) return proofs.read(dpop, { method: 'POST', url: `${issuer}/oauth2/token` }, now);
  // RFC 9449 §5.2: there is none that could be invalid, so this is RFC 6749 §5.2's "missing a required parameter".
  if (client.settings.dpopBound)
    throw new OAuthError('invalid_request', 'This client takes tokens that are bound to its key: send a DPoP proof.', {
      reason: 'dpop_required',
    });
  return null;
}

function findGrantType({ grants }: TokenEndpoint, client: LiveClient, type: string | undefined): GrantType {
  if (!type) throw new OAuthError('invalid_request', 'grant_type is missing.');
  const grant = grants.find((one) => one.type === type);
  if (!grant) throw new OAuthError('unsupported_grant_type', 'This server does not know that grant_type.');
  const isPublic = client.authMethod === 'none';
  if (!client.grantTypes.includes(type) || (grant.needsConfidentialClient && isPublic))
    throw new OAuthError('unauthorized_client', 'This client may not use that grant_type.');
  return grant;
}
