import { randomBytes, randomUUIDv7 } from 'node:crypto';
import { lockApiOf, lockPrincipals } from '../../permissions/index.ts';
import type { Database, Statement } from '../../platform/database/index.ts';
import { plusSeconds } from '../../platform/time.ts';
import { lockSessionOf } from '../../sessions/index.ts';
import { lockActiveUserOf } from '../../users/index.ts';
import type { RequestedClaims } from '../entities.ts';
import { LINGER_SECONDS } from '../status/set-status.ts';
import { findFreeIndex, randomIndex, type StatusIndex } from '../status/status-index.ts';
import { NO_API } from '../userinfo-api.ts';
import { type GrantLife, grantExpiry } from './grants.ts';
import { type RefreshKey, refreshToken } from './refresh-token.ts';

/**
 * Redeems an authorization: opens a grant and allocates the status index of its first token, in one durable statement.
 * Of concurrent requests one succeeds, and the grant is never visible without its index. `table` holds authorizations
 * by digest: client_id, principal_id, password_epoch, session_id, auth_time, amr, api_id, scope, permissions,
 * is_offline, expires_at; consumed_at and grant_id are written. `is_redeemable` is false for one that was redeemed before,
 * has expired, or whose user, session, client or API has ended.
 *
 * Everything it depends on is locked in the order of locks: user, API, principals, session. A transaction that ends one
 * of them, or changes the rights of the user or the boundary of the client, either committed before and is visible
 * here, or finds the grant and its index.
 *
 * $1 digest, $2 now, $3 grant, $4 seed, $5 list, $6 index, $7 expiry of the index, $8 refreshable, $9 key, $10 claims,
 * $11 idle until, $12 until, $13 version of the client. Nothing is written when the index is taken, or the client has
 * another version.
 */
export const redemptionStatement = (table: string): Statement => ({
  name: `tokens-redeem-${table}`,
  text: `with candidate as materialized (
      select x.principal_id, x.client_id, x.password_epoch, x.session_id, x.api_id from ${table} x
      where x.digest = $1::bytea and x.consumed_at is null and x.expires_at > $2::timestamptz
    ), active_user as materialized (
      ${lockActiveUserOf('candidate')}
    ), api as materialized (
      ${lockApiOf('candidate', '(select count(*) from active_user) = 1')}
    ), principals as materialized (
      ${lockPrincipals('key share', 'array[a.principal_id, a.client_id]', { rows: 'candidate', when: '(select count(*) from api) >= 0' })}
    ), live_session as materialized (
      ${lockSessionOf('candidate', '(select count(*) from principals) = 2')}
    ), redeemable as materialized (
      select x.* from ${table} x
      where x.digest = $1::bytea and x.consumed_at is null and x.expires_at > $2::timestamptz and (select count(*) from live_session) >= 0
        and (select count(*) from principals) = 2 and (select count(*) from active_user) = 1
        and exists (select from principals h where h.id = x.client_id and h.version = $13::int)
        and (x.is_offline or exists (select from live_session)) and (x.api_id is null or exists (select from api))
      for no key update of x
    ), inserted as (
      insert into tokens_status (list, idx, holder_id, api_id, principal_id, expires_at)
      select $5::int, $6::int, $3::uuid, coalesce(x.api_id, '${NO_API}'), x.principal_id, $7::timestamptz from redeemable x
      on conflict do nothing returning 1
    ), opened as (
      insert into tokens_grant (id, seed, principal_id, client_id, api_id, session_id, password_epoch, auth_time, amr, scope, permissions,
        is_offline, is_refreshable, dpop_jkt, claims, created_at, rotated_at, idle_expires_at, expires_at)
      select $3::uuid, $4::bytea, x.principal_id, x.client_id, x.api_id, x.session_id, x.password_epoch, x.auth_time, x.amr, x.scope,
        x.permissions, x.is_offline, $8::boolean, $9::text, $10::jsonb, $2::timestamptz, $2::timestamptz, $11::timestamptz, $12::timestamptz
      from redeemable x, inserted
    ), consumed as (
      update ${table} x set consumed_at = $2::timestamptz, grant_id = $3::uuid from inserted where x.digest = $1::bytea
    ) select exists (select from redeemable) as is_redeemable, exists (select from inserted) as is_inserted,
      (select h.version from principals h join candidate a on h.id = a.principal_id) as version,
      (select h.version from principals h join candidate a on h.id = a.client_id) as client_version`,
});

interface Row {
  is_redeemable: boolean;
  is_inserted: boolean;
  version: number | null;
  client_version: number | null;
}

/** What the token request adds to the authorization. */
export interface Redemption {
  /** Made by `redemptionStatement`. */
  readonly statement: Statement;
  readonly digest: Buffer;
  /** Permissions version of the client, as it was read. */
  readonly clientVersion: number;
  /** Whether the grant has refresh tokens. */
  readonly isRefreshable: boolean;
  /** The key that refresh tokens are bound to (RFC 9449 §5). */
  readonly dpopJkt: string | null;
  readonly claims: RequestedClaims | null;
}

/** The new grant with the status index of its first access token. */
export interface RedeemedGrant {
  readonly id: string;
  readonly endsAt: Date;
  readonly statusIndex: StatusIndex;
  /** Permissions version of the user's principal when the index was allocated. */
  readonly version: number;
  readonly refreshToken: string | undefined;
}

/**
 * Returns null when the authorization was redeemed before or is no longer valid; `stale` when the client has changed,
 * and nothing was redeemed.
 */
export async function redeemGrant(
  db: Database,
  key: RefreshKey,
  { statement, digest, clientVersion, isRefreshable, dpopJkt, claims }: Redemption,
  life: GrantLife,
  now: Date,
): Promise<RedeemedGrant | 'stale' | null> {
  const [id, seed] = [randomUUIDv7(), randomBytes(32)];
  const { idleExpiresAt, expiresAt } = grantExpiry(life, now);
  const grantValues = [
    isRefreshable,
    dpopJkt,
    claims && JSON.stringify(claims),
    idleExpiresAt,
    expiresAt,
    clientVersion,
  ];
  // A random index of the first list is almost always free; with very many tokens, search for one.
  for (let statusIndex = randomIndex(1); ; statusIndex = await findFreeIndex(db)) {
    const indexValues = [statusIndex.list, statusIndex.idx, plusSeconds(expiresAt, LINGER_SECONDS)];
    const [row] = await db.query<Row>(statement, [digest, now, id, seed, ...indexValues, ...grantValues]);
    if (!row || row.version === null || row.client_version === null) return null;
    if (row.client_version !== clientVersion) return 'stale';
    if (!row.is_redeemable) return null;
    if (!row.is_inserted) continue;
    return {
      id,
      endsAt: expiresAt,
      statusIndex,
      version: row.version,
      refreshToken: isRefreshable ? refreshToken(key, { id, seed }, 0) : undefined,
    };
  }
}
