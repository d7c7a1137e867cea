import { audienceOf, type Holder, type KnownAccess, type KnownApi, type Rights } from '../access/index.ts';
import type { Database } from '../platform/database/index.ts';
import { type AccessTokenClaims, type KeyRing, OWN_CLIENT, placeOf, STATUS, type Verify } from '../tokens/index.ts';
import { readTokenState, type TokenState, type TokenUser } from './hot.ts';

/** What it takes to say what a token is worth. */
export interface TokenReader {
  readonly db: Database;
  readonly keys: KeyRing;
  readonly issuer: string;
  readonly access: KnownAccess;
  /** `verifyAccessToken`, which remembers what it has verified. */
  readonly verify: Verify;
}

export interface ActiveToken {
  readonly claims: AccessTokenClaims;
  readonly api: KnownApi;
  readonly holder: Holder;
  /** Null for a client's own token. */
  readonly user: TokenUser | null;
  /** As of now, not as of the token. */
  readonly rights: Rights;
}

/**
 * What an access token is worth now: null unless it verifies and was not revoked, its API exists, the client that it was issued
 * to is active, and its session (or, without one, its user) still lives. Ended sessions, deactivated users and disabled
 * clients show here at once, a changed password by the sessions that it ended (a token without a session outlives it).
 *
 * Verified in memory, then one lean read. `read` is told what that read saw of the principal `alsoVersionOf`, before anything is
 * decided.
 */
export async function findActiveToken(
  reader: TokenReader,
  token: string,
  now: Date,
  also?: { readonly versionOf: string; read(version: number | null): Promise<unknown> },
): Promise<ActiveToken | null> {
  const { db, issuer, access } = reader;
  const claims = reader.verify(token, now);
  if (!claims) {
    await also?.read(null);
    return null;
  }
  const guess = access.guess(claims.aud);
  const place = placeOf(issuer, claims.status?.status_list);
  const state = await readTokenState(db, claims, now, { apiId: guess?.id, versionOf: also?.versionOf, place });
  await also?.read(state.otherVersion);
  // A place that is free again was freed after every token in it had expired.
  if (claims.status && (state.status === null || state.status === STATUS.revoked)) return null;
  if (state.isRevoked || !(claims.client_id === OWN_CLIENT || state.isClientActive)) return null;
  const holder = holderOf(claims, state);
  if (!holder) return null;
  const api = await access.api(claims.aud, guess && { id: guess.id, version: state.apiVersion });
  if (!api || audienceOf(api, issuer) !== claims.aud) return null;
  return { claims, api, holder, user: state.user, rights: await access.rights(holder, api, now) };
}

/** RFC 9068 §2.2: `sub` is the user, whose session it is where there is one; or the client itself. */
function holderOf(claims: AccessTokenClaims, { user, clientPrincipal, version }: TokenState) {
  if (version === null) return null;
  if (claims.sub === claims.client_id)
    return clientPrincipal === null
      ? null
      : { kind: 'client' as const, id: clientPrincipal, isActive: true, isSuperuser: false, version };
  return user && { kind: 'user' as const, id: user.id, isActive: true, isSuperuser: user.isSuperuser, version };
}
