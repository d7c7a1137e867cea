import type { ApiSnapshot, PermissionCache, PrincipalRef, Rights } from '../permissions/index.ts';
import type { Database } from '../platform/database/index.ts';
import {
  type AccessTokenClaims,
  type DelegationChain,
  isExchangeable,
  type KeyRing,
  NO_API,
  OWN_CLIENT,
  STATUS,
  statusIndexFromClaim,
  type TokenUser,
  tokenAudience,
  tokenKid,
  USERINFO,
  userinfoRights,
  userinfoUrl,
  type VerifyToken,
} from '../tokens/index.ts';
import { type RightsLimit, readLimitedRights } from './limit-rights.ts';
import { readTokenState, type TokenState, type TokenUse, type UserClaimState } from './queries.ts';

/** Dependencies for checking access tokens. */
export interface TokenReader {
  readonly db: Database;
  readonly keys: KeyRing;
  readonly issuer: string;
  readonly access: PermissionCache;
  /** `verifyAccessToken` with a cache of verified signatures. */
  readonly verify: VerifyToken;
}

export interface ActiveToken {
  readonly claims: AccessTokenClaims;
  readonly api: ApiSnapshot;
  readonly principal: PrincipalRef & { readonly version: number };
  /** Null for a client's own token. */
  readonly user: TokenUser | null;
  /** Current rights, not those in the token, limited to what its client may use. */
  readonly rights: Rights;
  /** The limit on `rights`; null for first-party clients and for a client's own token. */
  readonly rightsLimit: RightsLimit | null;
  /** The principals through whom the token was exchanged, with the versions that were read; empty unless requested. */
  readonly delegation: DelegationChain;
}

/** An active token whose rights were not read. */
export type LiveToken = Omit<ActiveToken, 'rights'> & { readonly userClaims: UserClaimState | null };

/** An active token whose subject is a user. */
export type UserToken = ActiveToken & { readonly user: TokenUser };

/**
 * Returns an access token with its current rights. Returns null unless it verifies and is not revoked, its API exists,
 * its client is active, and its session (or, without one, its user) is active. Ended sessions, deactivated users and
 * disabled clients take effect at once; a changed password takes effect through the sessions that it ended (a token
 * without a session outlives it).
 *
 * Verified in memory, then one read. `extra.onVersion` receives the version that this read returned for the principal
 * `extraPrincipal`, before any other check.
 */
export async function findActiveToken(
  reader: TokenReader,
  token: string,
  now: Date,
  extra?: ExtraReads,
): Promise<ActiveToken | null> {
  const liveToken = await findLiveToken(reader, token, now, extra);
  return liveToken && { ...liveToken, rights: await readRights(reader, liveToken, now) };
}

interface ExtraReads {
  readonly extraPrincipal?: string;
  onVersion?(version: number | null): Promise<unknown>;
  /** Selects what is read. With `exchange`, the result is null for a token that may not be exchanged. */
  readonly use?: TokenUse;
}

/** The same without rights, for callers that may not need them. */
export async function findLiveToken(
  reader: TokenReader,
  token: string,
  now: Date,
  extra?: ExtraReads,
): Promise<LiveToken | null> {
  const { db, issuer, access } = reader;
  const claims = reader.verify(token, now) ?? (await verifyAfterReload(reader, token, now));
  if (!claims) {
    await extra?.onVersion?.(null);
    return null;
  }
  const peek = access.peek(claims.aud);
  const statusIndex = statusIndexFromClaim(issuer, claims.status?.status_list);
  const { extraPrincipal, use } = extra ?? {};
  const state = await readTokenState(db, claims, now, { apiId: peek?.id, extraPrincipal, statusIndex, use });
  await extra?.onVersion?.(state.extraVersion);
  // An index is free again only after every token under it has expired.
  if (claims.status && (state.status === null || state.status === STATUS.revoked)) return null;
  if (use === 'exchange' && !isExchangeable(claims, state.status)) return null;
  if (state.isRevoked || !(claims.client_id === OWN_CLIENT || state.isClientActive)) return null;
  const principal = subjectPrincipal(claims, state);
  if (!principal || !state.areActorsActive) return null;
  const isForUserinfo = claims.aud === userinfoUrl(issuer);
  const apiVersion = peek && { id: peek.id, version: state.apiVersion };
  const api = isForUserinfo ? USERINFO : await access.api(claims.aud, apiVersion);
  if (!api || tokenAudience(api, issuer) !== claims.aud) return null;
  const { user, delegation, userClaims } = state;
  return {
    claims,
    api,
    principal,
    user,
    rightsLimit: principal.kind === 'client' ? null : limitFor(claims, state),
    delegation,
    userClaims,
  };
}

/** Reads the current rights of a token's subject, limited to what its client may use. */
export async function readRights(
  { db, access }: TokenReader,
  { api, principal, rightsLimit }: LiveToken,
  now: Date,
): Promise<Rights> {
  const all = api.id === NO_API ? userinfoRights(principal.version) : await access.rights(principal, api, now);
  return readLimitedRights(db, all, api, rightsLimit);
}

/** Another process may have started to sign with a key that this one has not loaded yet. */
async function verifyAfterReload(
  { keys, verify }: TokenReader,
  token: string,
  now: Date,
): Promise<AccessTokenClaims | null> {
  const kid = tokenKid(token);
  const isNew = kid !== null && keys.find(kid) === undefined && (await keys.loadMissing(kid));
  return isNew ? verify(token, now) : null;
}

/**
 * Returns the limit that clients which are not first-party put on the rights: the client that the user has consented
 * to, the one that the token was issued to, which differs after an exchange (RFC 8693), and all earlier actors.
 */
function limitFor({ client_id }: AccessTokenClaims, state: TokenState): RightsLimit | null {
  const { grant, isClientFirstParty, clientPrincipal, limitedActors } = state;
  const isOwn = client_id === OWN_CLIENT || isClientFirstParty;
  const clients = [
    ...(isOwn || clientPrincipal === null ? [] : [clientPrincipal]),
    ...(grant && !grant.isFirstParty ? [grant.client] : []),
    ...limitedActors,
  ];
  if (clients.length === 0) return null;
  // Without a grant there was no consent: an operator issued the token.
  const permissions = grant && !grant.isFirstParty ? (grant.permissions ?? []) : null;
  return { clients: [...new Set(clients)], permissions };
}

/** RFC 9068 §2.2: `sub` is the user, or the client itself. */
function subjectPrincipal(claims: AccessTokenClaims, { user, clientPrincipal, version }: TokenState) {
  if (version === null) return null;
  if (claims.sub === claims.client_id)
    return clientPrincipal === null
      ? null
      : { kind: 'client' as const, id: clientPrincipal, isActive: true, isSuperuser: false, version };
  return user && { kind: 'user' as const, id: user.id, isActive: true, isSuperuser: user.isSuperuser, version };
}
