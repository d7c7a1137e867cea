import { apiView, principalView } from '../../permissions/index.ts';
import { type Database, hotSelect, type Statement } from '../../platform/database/index.ts';
import { noEndedSession } from '../../sessions/index.ts';
import { activeUserSince, userView } from '../../users/index.ts';
import type { TokenUser } from '../claims.ts';
import type { RequestedClaims } from '../entities.ts';
import type { StatusIndex } from '../status/status-index.ts';
import { liveGrant } from '../views.ts';

/** A grant with everything that it depends on, as of one moment. */
export interface GrantState {
  readonly id: string;
  readonly seed: Buffer;
  readonly generation: number;
  readonly rotatedAtMs: number;
  /** The last recorded use. */
  readonly usedAtMs: number;
  /**
   * Whether it has not ended or expired, its user is active with the same password, and its session has not ended or
   * the grant is offline.
   */
  readonly isLive: boolean;
  readonly endsAt: Date;
  /** When it expires unless it is used before. */
  readonly idleEndsAt: Date;
  /** The client's principal. */
  readonly client: string;
  /** Permissions version of the client's principal. */
  readonly clientVersion: number;
  /** Null for userinfo alone. */
  readonly api: string | null;
  readonly apiVersion: number | null;
  readonly session: string | null;
  readonly scope: string | null;
  /** Ids of consented permissions; null for a first-party client: no limit. */
  readonly permissions: readonly string[] | null;
  readonly isRefreshable: boolean;
  readonly dpopJkt: string | null;
  readonly claims: RequestedClaims | null;
  readonly authTime: Date | null;
  readonly amr: readonly string[];
  readonly user: TokenUser;
  /** Permissions version of the user's principal. */
  readonly version: number;
  readonly statusIndex: StatusIndex | null;
}

/** $1 grant, $2 now. */
const grantStatement = hotSelect(
  'tokens-grant',
  `select encode(g.seed, 'hex') as seed, g.generation::int as generation, extract(epoch from g.rotated_at)::float8 as rotated_at,
    extract(epoch from greatest(g.rotated_at, g.used_at))::float8 as used_at,
    extract(epoch from g.expires_at)::float8 as expires_at,
    extract(epoch from least(g.idle_expires_at, g.expires_at))::float8 as idle_expires_at, g.client_id as client, cp.perms_version::int as client_version, g.api_id as api, g.session_id as session, g.scope,
    g.permissions::text[] as permissions, g.is_refreshable, g.dpop_jkt, g.claims::text as claims,
    extract(epoch from g.auth_time)::float8 as auth_time, g.amr, u.id as user_id, u.username, u.is_staff, u.is_superuser,
    p.perms_version::int as version, a.version::int as api_version, t.list::int as list, t.idx::int as idx,
    ${liveGrant('$2::timestamptz')} and ${activeUserSince('g')}
      and (g.is_offline or ${noEndedSession('g.session_id')}) as is_live
    from tokens_grant g join ${userView('u')} on u.id = g.principal_id join ${principalView('p')} on p.id = g.principal_id
    join ${principalView('cp')} on cp.id = g.client_id
    left join ${apiView('a')} on a.id = g.api_id
    left join tokens_status t on t.holder_id = g.id and t.api_id = coalesce(g.api_id, '00000000-0000-0000-0000-000000000000') and t.is_current and t.state = 0
    where g.id = $1`,
);

interface Row {
  seed: string;
  generation: number;
  rotated_at: number;
  used_at: number;
  expires_at: number;
  idle_expires_at: number;
  client: string;
  client_version: number;
  api: string | null;
  session: string | null;
  scope: string | null;
  permissions: string[] | null;
  is_refreshable: boolean;
  dpop_jkt: string | null;
  claims: string | null;
  auth_time: number | null;
  amr: string[] | null;
  user_id: string;
  username: string;
  is_staff: boolean;
  is_superuser: boolean;
  version: number;
  api_version: number | null;
  list: number | null;
  idx: number;
  is_live: boolean;
}

export async function readGrant(db: Database, id: string, now: Date): Promise<GrantState | null> {
  const [row] = await db.query<Row>(grantStatement, [id, now]);
  if (!row) return null;
  return {
    id,
    seed: Buffer.from(row.seed, 'hex'),
    generation: row.generation,
    rotatedAtMs: row.rotated_at * 1000,
    usedAtMs: row.used_at * 1000,
    isLive: row.is_live,
    endsAt: new Date(row.expires_at * 1000),
    idleEndsAt: new Date(row.idle_expires_at * 1000),
    client: row.client,
    clientVersion: row.client_version,
    api: row.api,
    apiVersion: row.api_version,
    session: row.session,
    scope: row.scope,
    permissions: row.permissions,
    isRefreshable: row.is_refreshable,
    dpopJkt: row.dpop_jkt,
    claims: row.claims === null ? null : (JSON.parse(row.claims) as RequestedClaims),
    authTime: row.auth_time === null ? null : new Date(row.auth_time * 1000),
    amr: row.amr ?? [],
    user: { id: row.user_id, username: row.username, isStaff: row.is_staff, isSuperuser: row.is_superuser },
    version: row.version,
    statusIndex: row.list === null ? null : { list: row.list, idx: row.idx },
  };
}

/** $1 grant, $2 generation, $3 now, $4 idle until. */
const rotateStatement: Statement = {
  name: 'tokens-grant-rotate',
  text: `update tokens_grant g set generation = generation + 1, rotated_at = $3::timestamptz, idle_expires_at = $4::timestamptz
    where id = $1 and generation = $2 and ${liveGrant('$3::timestamptz')}
    returning generation::int as generation`,
};

/**
 * Advances a grant by one generation. Returns false when another request did so first, or the grant has ended. One
 * durable statement.
 */
export async function rotateGrant(
  db: Database,
  id: string,
  from: number,
  now: Date,
  idleExpiresAt: Date,
): Promise<boolean> {
  return (await db.query(rotateStatement, [id, from, now, idleExpiresAt])).length === 1;
}

/** $1 grant, $2 now, $3 idle until, $4 a use recorded since then is sufficient. */
const useStatement: Statement = {
  name: 'tokens-grant-use',
  text: `update tokens_grant g set used_at = $2::timestamptz, idle_expires_at = $3::timestamptz
    where id = $1 and ${liveGrant('$2::timestamptz')}
      and greatest(rotated_at, used_at) < $4::timestamptz
    returning generation::int as generation`,
};

/**
 * Records a use without a new generation, once for all uses since a moment. Returns false when another request recorded
 * it, or the grant has ended.
 */
export async function useGrant(
  db: Database,
  id: string,
  now: Date,
  { idleExpiresAt, since }: { readonly idleExpiresAt: Date; readonly since: Date },
): Promise<boolean> {
  return (await db.query(useStatement, [id, now, idleExpiresAt, since])).length === 1;
}
