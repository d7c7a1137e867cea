import { audienceOf, type Holder, type KnownApi, type Rights, readApi, readRights } from '../access/index.ts';
import { findActiveUser, findSessionById, holderOf, type SessionUser } from '../identity/index.ts';
import type { Database } from '../platform/database/index.ts';
import { verifyAccessToken } from './access-token.ts';
import { type AccessTokenClaims, OWN_CLIENT } from './claims.ts';
import type { KeyRing } from './keys/ring.ts';
import { isRevoked } from './revoked.ts';

/**
 * Port: clients stand above this room, so the app passes the look-up. Answers the client as a holder while it is active;
 * null when it is unknown or disabled.
 */
export type ClientLookup = (clientId: string, now: Date) => Promise<Holder | null>;

export interface ActiveToken {
  readonly claims: AccessTokenClaims;
  readonly api: KnownApi;
  readonly holder: Holder;
  /** Null for a client's own token. */
  readonly user: SessionUser | null;
  /** As of now, not as of the token. */
  readonly rights: Rights;
}

/**
 * What an access token is worth now: null unless it verifies and was not revoked, its API exists, the client that it was issued
 * to is active, and its session (or, without one, its user) still lives. Ended sessions, deactivated users and disabled
 * clients show here at once, a changed password by the sessions that it ended (a token without a session outlives it).
 */
export async function findActiveToken(
  db: Database,
  keys: KeyRing,
  issuer: string,
  token: string,
  now: Date,
  clients: ClientLookup,
): Promise<ActiveToken | null> {
  const claims = verifyAccessToken(keys, issuer, token, now);
  if (!claims) return null;
  const api = await readApi(db, claims.aud, issuer);
  if (!api || audienceOf(api, issuer) !== claims.aud || (await isRevoked(db, claims.jti))) return null;
  const client = claims.client_id === OWN_CLIENT ? null : await clients(claims.client_id, now);
  if (!client && claims.client_id !== OWN_CLIENT) return null;
  const user = claims.sub === claims.client_id ? null : await liveUser(db, claims, now);
  const holder = user ? holderOf(user) : claims.sub === claims.client_id ? client : null;
  if (!holder) return null;
  return { claims, api, holder, user, rights: await readRights(db, holder, api.id, now) };
}

/** RFC 9068 §2.2: `sub` is the user; the session, where there is one, must be that user's. */
async function liveUser(db: Database, claims: AccessTokenClaims, now: Date): Promise<SessionUser | null> {
  if (claims.sid === undefined) return findActiveUser(db, claims.sub);
  const user = (await findSessionById(db, claims.sid, now))?.user;
  return user?.id === claims.sub ? user : null;
}
