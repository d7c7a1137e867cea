import type { Database } from '../platform/database/index.ts';
import { OAuthError } from '../platform/http/index.ts';
import type { Clock } from '../platform/time.ts';
import {
  endGrants,
  type KeyRing,
  type RefreshKey,
  readGrant,
  readRefreshToken,
  revokeToken,
  statusIndexFromClaim,
  suspendIndex,
  tokenKid,
  verifyAccessToken,
} from '../tokens/index.ts';
import { authenticateClient, type PresentedClient } from './client-auth.ts';
import type { ClientCache } from './clients/cache.ts';

export interface RevocationEndpoint {
  readonly db: Database;
  readonly clients: ClientCache;
  readonly clock: Clock;
  readonly keys: KeyRing;
  readonly issuer: string;
  readonly refreshKey: RefreshKey;
}

/**
 * Revocation (RFC 7009). Only the client that a token was issued to can revoke it; another's token, an unknown, expired or
 * unreadable one is answered alike and nothing happens (§2.2). When it cannot be written, that is an error, never a 200.
 */
export async function revoke(endpoint: RevocationEndpoint, presented: PresentedClient): Promise<void> {
  const { db, clients, keys, issuer, clock } = endpoint;
  const now = clock.now();
  const caller = await authenticateClient(clients, presented, now, { allowPublic: true });
  const client = await caller.revalidate(null);
  const { token } = presented.form;
  if (!token) throw new OAuthError('invalid_request', 'token is missing.');
  if (await endRefreshGrant(endpoint, client.id, token, now)) return;
  // Another process may have begun to sign by a key that this one has not heard of yet.
  const kid = tokenKid(token);
  if (kid !== null && keys.find(kid) === undefined) await keys.loadMissing(kid);
  const claims = verifyAccessToken(keys, issuer, token, now);
  if (claims?.client_id !== client.clientId) return;
  await revokeToken(db, claims);
  // Its siblings go and get another; nobody logs in because of it.
  const index = statusIndexFromClaim(issuer, claims.status?.status_list);
  if (index) await suspendIndex(db, index);
}

/** RFC 7009 §2.1: with a refresh token goes the whole grant. True when it was one of this client's. */
async function endRefreshGrant(
  { db, refreshKey }: RevocationEndpoint,
  client: string,
  token: string,
  now: Date,
): Promise<boolean> {
  const presented = readRefreshToken(token);
  const grant = presented && (await readGrant(db, presented.id, now));
  if (!grant || !presented.matches(refreshKey, grant.seed) || grant.client !== client) return false;
  await db.fork().transactional((tx) => endGrants(tx, now, { id: grant.id }, 'revoked'));
  return true;
}
