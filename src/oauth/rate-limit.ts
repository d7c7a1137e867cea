import type { Database } from '../platform/database/index.ts';
import { type QuotaKind, type Quotas, reserveQuota } from '../signin/index.ts';
import type { LiveClient } from './clients/cache.ts';
import { oauthError } from './errors.ts';

/** Dependencies of endpoints that store a row per request. */
export interface RateLimitDeps {
  readonly db: Database;
  readonly quotas: Quotas;
}

/** What is stored, and whose quota it counts against. */
type RateLimitSubject =
  | { readonly kind: 'interaction' | 'document'; readonly ip: string }
  | {
      readonly kind: 'pushed' | 'device';
      readonly ip: string;
      readonly client: Pick<LiveClient, 'id' | 'authMethod'>;
    };

/**
 * Counts one row against its quota; call it right before the row is written. An authenticated client has its own quota,
 * whatever its address: a backend serves all of its users from one. Everything else counts against the network: a
 * public client only states its id. OAuthError: 429 with Retry-After (RFC 9126 §2.3). Not `slow_down`, which means that
 * a device code is pending (RFC 8628 §3.5).
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
  const reason = isClientQuota ? 'requests_of_client' : 'requests_of_network';
  throw oauthError(reason, { seconds }, { status: 429, headers: { 'retry-after': String(seconds) } });
}

const clientQuotas = { pushed: 'clientPushed', device: 'clientDevice' } as const satisfies Record<string, QuotaKind>;
