import type { SqlEntityManager } from '@mikro-orm/sql';
import { apiView, principalView } from '../../permissions/index.ts';
import { type Database, runOn, type Statement } from '../../platform/database/index.ts';
import { digest, newSecret } from '../../platform/digest.ts';
import { plusSeconds } from '../../platform/time.ts';
import { liveSession, noEndedSession, sessionView } from '../../sessions/index.ts';
import type { RequestedClaims, TokenUser } from '../../tokens/index.ts';
import { activeUserSince, userView } from '../../users/index.ts';

/** Lifetime of a code: the browser brings it at once (RFC 6749 §4.1.2 allows ten minutes). */
export const CODE_SECONDS = 60;

export interface NewCode {
  /** The client's principal. */
  readonly client: string;
  /** The session of the user who has consented. */
  readonly session: string;
  readonly api: string | null;
  readonly scope: string | null;
  /** Ids of the consented permissions; null for a first-party client. */
  readonly permissions: readonly string[] | null;
  readonly isOffline: boolean;
  /** As the client sent it; null if it sent none. */
  readonly redirectUri: string | null;
  readonly codeChallenge: string | null;
  readonly nonce: string | null;
  readonly claims: RequestedClaims | null;
  readonly dpopJkt: string | null;
}

/**
 * Consumes the stored requests and issues their code, or does neither if the session has ended. Of concurrent
 * completions of an interaction one succeeds, and an interaction has one code for good (`request_digest` is unique).
 *
 * $1 digest, $2 client, $3 session, $4 API, $5 scope, $6 permissions, $7 offline, $8 redirect URI, $9 challenge, $10
 * nonce, $11 claims, $12 key, $13 now, $14 until, $15 requests, $16 interaction.
 */
const insertCode: Statement = {
  name: 'oauth-code-issue',
  text: `with who as materialized (
      select s.id as session_id, s.auth_time, s.amr, u.id, u.password_epoch from ${sessionView('s')} join ${userView('u')} on u.id = s.user_id
      where s.id = $3::uuid and ${liveSession('$13::timestamptz')}
    ), used as (
      update oauth_request r set consumed_at = $13::timestamptz
      where r.digest = any($15::bytea[]) and r.consumed_at is null and exists (select from who) returning 1
    ), issued as (
      insert into oauth_code (digest, client_id, principal_id, password_epoch, session_id, auth_time, amr, api_id, scope, permissions,
        is_offline, redirect_uri, code_challenge, nonce, claims, dpop_jkt, expires_at, request_digest)
      select $1::bytea, $2::uuid, w.id, w.password_epoch, w.session_id, w.auth_time, w.amr, $4::uuid, $5::text, $6::uuid[], $7::boolean, $8::text,
        $9::text, $10::text, $11::jsonb, $12::text, $14::timestamptz, $16::bytea
      from who w where (select count(*) from used) = cardinality($15::bytea[]) returning 1
    ) select exists (select from who) as is_live, exists (select from issued) as is_issued`,
};

interface IssueRow {
  is_live: boolean;
  is_issued: boolean;
}

/** The stored requests that a code is for. */
export interface ConsumedRequests {
  /** All requests that are consumed with the code. */
  readonly digests: readonly Buffer[];
  /** The one of them that the browser may send again. */
  readonly interaction: Buffer | null;
}

/**
 * Issues a code of 256 random bits, of which only the digest is stored (RFC 6749 §10.10). `ended`: the session has
 * ended meanwhile, and no request was consumed; `consumed`: another call has consumed one of the requests. Pass a unit
 * of work when inside its transaction.
 */
export async function issueCode(
  from: Database | SqlEntityManager,
  code: NewCode,
  consumed: ConsumedRequests,
  now: Date,
): Promise<{ readonly code: string } | 'ended' | 'consumed'> {
  const secret = newSecret();
  const { client, session, api, scope, permissions, isOffline, redirectUri, codeChallenge, nonce, claims } = code;
  const access = [api, scope, permissions, isOffline, redirectUri, codeChallenge, nonce];
  const rest = [claims === null ? null : JSON.stringify(claims), code.dpopJkt, now, plusSeconds(now, CODE_SECONDS)];
  const values = [digest(secret), client, session, ...access, ...rest, consumed.digests, consumed.interaction];
  const [row] = await runOn<IssueRow>(from, insertCode, values);
  if (!row?.is_live) return 'ended';
  return row.is_issued ? { code: secret } : 'consumed';
}

/** A code that a client has presented, with its user as of now. */
export interface CodeState {
  readonly digest: Buffer;
  /** The client's principal. */
  readonly client: string;
  /** Version of that principal. */
  readonly clientVersion: number;
  readonly session: string;
  readonly authTime: Date;
  readonly amr: readonly string[];
  readonly api: string | null;
  readonly apiVersion: number | null;
  readonly scope: string | null;
  readonly permissions: readonly string[] | null;
  readonly redirectUri: string | null;
  readonly codeChallenge: string | null;
  readonly nonce: string | null;
  readonly claims: RequestedClaims | null;
  readonly dpopJkt: string | null;
  readonly isConsumed: boolean;
  /** The grant that the code has opened. */
  readonly grant: string | null;
  /** Not expired, and its user and session are unchanged. */
  readonly isValid: boolean;
  readonly user: TokenUser;
  /** Version of the user's principal. */
  readonly version: number;
}

/** $1 digest, $2 now. */
const selectCode: Statement = {
  name: 'oauth-code',
  text: `select c.client_id as client, cp.perms_version::int as client_version, c.session_id as session, extract(epoch from c.auth_time)::float8 as auth_time, c.amr,
      c.api_id as api, a.version::int as api_version, c.scope, c.permissions::text[] as permissions, c.redirect_uri, c.code_challenge, c.nonce, c.claims::text as claims,
      c.dpop_jkt, c.consumed_at is not null as is_consumed, c.grant_id as grant, u.id as user_id, u.username, u.is_staff, u.is_superuser,
      p.perms_version::int as version, c.expires_at > $2::timestamptz and ${activeUserSince('c')}
        and ${noEndedSession('c.session_id')} as is_good
    from oauth_code c join ${userView('u')} on u.id = c.principal_id join ${principalView('p')} on p.id = u.id
    join ${principalView('cp')} on cp.id = c.client_id left join ${apiView('a')} on a.id = c.api_id where c.digest = $1::bytea`,
};

interface Row {
  client: string;
  client_version: number;
  session: string;
  auth_time: number;
  amr: string[];
  api: string | null;
  api_version: number | null;
  scope: string | null;
  permissions: string[] | null;
  redirect_uri: string | null;
  code_challenge: string | null;
  nonce: string | null;
  claims: string | null;
  dpop_jkt: string | null;
  is_consumed: boolean;
  grant: string | null;
  user_id: string;
  username: string;
  is_staff: boolean;
  is_superuser: boolean;
  version: number;
  is_good: boolean;
}

export async function findCode(db: Database, code: string, now: Date): Promise<CodeState | null> {
  const key = digest(code);
  const [row] = await db.query<Row>(selectCode, [key, now]);
  if (!row) return null;
  return {
    digest: key,
    client: row.client,
    clientVersion: row.client_version,
    session: row.session,
    authTime: new Date(Math.round(row.auth_time * 1000)),
    amr: row.amr,
    api: row.api,
    apiVersion: row.api_version,
    scope: row.scope,
    permissions: row.permissions,
    redirectUri: row.redirect_uri,
    codeChallenge: row.code_challenge,
    nonce: row.nonce,
    claims: row.claims === null ? null : (JSON.parse(row.claims) as RequestedClaims),
    dpopJkt: row.dpop_jkt,
    isConsumed: row.is_consumed,
    grant: row.grant,
    isValid: row.is_good,
    user: { id: row.user_id, username: row.username, isStaff: row.is_staff, isSuperuser: row.is_superuser },
    version: row.version,
  };
}

const consumeCode: Statement = {
  name: 'oauth-code-invalidate',
  text: 'update oauth_code set consumed_at = $2::timestamptz where digest = $1::bytea and consumed_at is null',
};

/** Consumes a code without issuing a token, because another client has presented it. */
export async function invalidateCode(db: Database, { digest }: Pick<CodeState, 'digest'>, now: Date): Promise<void> {
  await db.query(consumeCode, [digest, now]);
}
