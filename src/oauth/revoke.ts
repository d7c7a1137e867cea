import type { Database } from '../platform/database/index.ts';
import { OAuthError } from '../platform/http/index.ts';
import type { Clock } from '../platform/time.ts';
import { type KeyRing, revokeToken, verifyAccessToken } from '../tokens/index.ts';
import { authenticateClient, type PresentedClient } from './client-auth.ts';
import type { KnownClients } from './clients/hot.ts';

export interface RevocationEndpoint {
  readonly db: Database;
  readonly clients: KnownClients;
  readonly clock: Clock;
  readonly keys: KeyRing;
  readonly issuer: string;
}

/**
 * Revocation (RFC 7009). Only the client that a token was issued to can revoke it; another's token, an unknown, expired or
 * unreadable one is answered alike and nothing happens (§2.2). When it cannot be written, that is an error, never a 200.
 */
export async function revoke(endpoint: RevocationEndpoint, presented: PresentedClient): Promise<void> {
  const { db, clients, keys, issuer, clock } = endpoint;
  const now = clock.now();
  const caller = await authenticateClient(clients, presented, now, { allowPublic: true });
  const client = await caller.confirm(null);
  const { token } = presented.form;
  if (!token) throw new OAuthError('invalid_request', 'token is missing.');
  const claims = verifyAccessToken(keys, issuer, token, now);
  if (claims?.client_id !== client.clientId) return;
  await revokeToken(db, claims);
}
