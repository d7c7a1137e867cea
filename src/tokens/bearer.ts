import { type Api, audienceOf, findApi, type Rights, readRights } from '../access/index.ts';
import { findActiveUser, findSessionById, holderOf, type SessionUser } from '../identity/index.ts';
import type { Database } from '../platform/database/index.ts';
import { verifyAccessToken } from './access-token.ts';
import type { AccessTokenClaims } from './claims.ts';
import type { KeyRing } from './keys/ring.ts';

export interface ActiveToken {
  readonly claims: AccessTokenClaims;
  readonly api: Api;
  readonly user: SessionUser;
  /** As of now, not as of the token. */
  readonly rights: Rights;
}

/**
 * What an access token is worth now: null unless it verifies, its API exists, and its session (or, without one, its user)
 * still lives. Ended sessions, deactivated users and changed passwords show here at once.
 */
export async function findActiveToken(
  db: Database,
  keys: KeyRing,
  issuer: string,
  token: string,
  now: Date,
): Promise<ActiveToken | null> {
  const claims = verifyAccessToken(keys, issuer, token, now);
  if (!claims) return null;
  const api = await findApi(db.fork(), claims.aud, issuer);
  if (!api || audienceOf(api, issuer) !== claims.aud) return null;
  const user =
    claims.sid === undefined
      ? await findActiveUser(db, claims.sub)
      : ((await findSessionById(db, claims.sid, now))?.user ?? null);
  if (!user || user.id !== claims.sub) return null;
  return { claims, api, user, rights: await readRights(db, holderOf(user), api.id, now) };
}
