import type { Database } from '../platform/database/index.ts';
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
import { oauthError } from './errors.ts';

export interface RevocationEndpoint {
  readonly db: Database;
  readonly clients: ClientCache;
  readonly clock: Clock;
  readonly keys: KeyRing;
  readonly issuer: string;
  readonly refreshKey: RefreshKey;
}

/**
 * Revocation (RFC 7009). Only the client that a token was issued to can revoke it. For any other token, and for an
 * unknown, expired or malformed one, nothing happens and the response is the same (§2.2). A failed write throws; it is
 * never answered with 200.
 */
export async function revoke(endpoint: RevocationEndpoint, presented: PresentedClient): Promise<void> {
  const { db, clients, keys, issuer, clock } = endpoint;
  const now = clock.now();
  const caller = await authenticateClient(clients, presented, now, { allowPublic: true });
  const client = await caller.revalidate(null);
  const { token } = presented.form;
  if (!token) throw oauthError('parameter_missing', { name: 'token' });
  if (await endRefreshGrant(endpoint, client.id, token, now)) return;
  // Another process may have started to sign with a key that this one has not loaded yet.
  const kid = tokenKid(token);
  if (kid !== null && keys.find(kid) === undefined) await keys.loadMissing(kid);
  const claims = verifyAccessToken(keys, issuer, token, now);
  if (claims?.client_id !== client.clientId) return;
  await revokeToken(db, claims);
  // Its siblings are replaced at the next refresh; no user signs in again.
  const index = statusIndexFromClaim(issuer, claims.status?.status_list);
  if (index) await suspendIndex(db, index);
}

/**
 * RFC 7009 §2.1: revoking a refresh token ends the whole grant. Returns whether it was a refresh token of this client.
 */
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
