import type { Database } from '../platform/database/index.ts';
import { OAuthError } from '../platform/http/index.ts';
import { type QuotaKind, type Quotas, reserveQuota } from '../signin/index.ts';
import type { LiveClient } from './clients/cache.ts';

/** Where something is stored for each request. */
export interface RateLimitDeps {
  readonly db: Database;
  readonly quotas: Quotas;
}

/** What is stored, and whose quota it counts for. */
type RateLimitSubject =
  | { readonly kind: 'interaction' | 'document'; readonly ip: string }
  | {
      readonly kind: 'pushed' | 'device';
      readonly ip: string;
      readonly client: Pick<LiveClient, 'id' | 'authMethod'>;
    };

/**
 * To be asked right before a row is written. A client that has authenticated has a quota of its own, wherever it comes from: a backend's
 * one address serves all of its users. Everything else counts for the network: a public client is no more than its name.
 * OAuthError: 429 and when to come again (RFC 9126 §2.3). Not `slow_down`, which says that a device code waits (RFC 8628 §3.5).
 */
export async function enforceRateLimit(
  { db, quotas }: RateLimitDeps,
  subject: RateLimitSubject,
  now: Date,
): Promise<void> {
  const isClientQuota = 'client' in subject && subject.client.authMethod !== 'none';
  const reserved = isClientQuota
    ? await reserveQuota(db, quotas, clientQuotas[subject.kind], { clientId: subject.client.id }, now)
    : await reserveQuota(db, quotas, subject.kind, { ip: subject.ip }, now);
  if (reserved.ok) return;
  const { retryAfterSeconds: seconds } = reserved;
  const by = isClientQuota ? 'by this client' : 'from this network';
  const headers = { 'retry-after': String(seconds) };
  throw new OAuthError('temporarily_unavailable', `Too many requests ${by}. Try again in ${seconds} seconds.`, {
    status: 429,
    headers,
  });
}

const clientQuotas = { pushed: 'clientPushed', device: 'clientDevice' } as const satisfies Record<string, QuotaKind>;
