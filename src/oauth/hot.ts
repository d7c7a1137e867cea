import type { Database, Statement } from '../platform/database/index.ts';
import { type AccessTokenClaims, OWN_CLIENT, type StatusPlace } from '../tokens/index.ts';

/** The user of a token, while active. */
export interface TokenUser {
  readonly id: string;
  readonly username: string;
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
}

/** Everything that can end a token, or change what it is worth, as of one moment. */
export interface TokenState {
  readonly isRevoked: boolean;
  /** What its place in a status list says; null when it has none, or the place is free. */
  readonly status: number | null;
  /** The client that it was issued to. */
  readonly isClientActive: boolean;
  /** That client's principal, where it is the subject. */
  readonly clientPrincipal: string | null;
  /** The subject, where that is a user who is active, and whose session lives where there is one. */
  readonly user: TokenUser | null;
  /** Of the subject's principal. */
  readonly version: number | null;
  readonly apiVersion: number | null;
  /** Of the principal that was asked after beside. */
  readonly otherVersion: number | null;
}

/**
 * $1 jti, $2 the user that is the subject, $3 session, $4 client id, $5 API, $6 another principal, $7 now, $8 and $9 its place in a
 * status list. A session is over when it was ended, its time is up, or the password was changed since.
 */
const tokenState: Statement = {
  name: 'oauth-token-state',
  text: `select exists (select from tokens_revoked r where r.jti = $1::uuid) as is_revoked,
    (select t.state::int from tokens_status t where t.list = $8::int and t.idx = $9::int) as status,
    c.id as client_principal, u.id as user_id, u.username, u.is_staff, u.is_superuser,
    (select p.perms_version::int from access_principal p where p.id = coalesce($2::uuid, c.id)) as version,
    (select a.version::int from access_api a where a.id = $5::uuid) as api_version,
    (select o.perms_version::int from access_principal o where o.id = $6::uuid) as other_version
    from (values (1)) one
    left join oauth_client c on c.client_id = $4 and c.is_active
    left join identity_user u on u.id = $2::uuid and u.is_active and ($3::uuid is null or exists (
      select from identity_session s where s.id = $3::uuid and s.user_id = u.id and s.ended_at is null
        and s.idle_expires_at > $7::timestamptz and s.expires_at > $7::timestamptz and s.password_epoch = u.password_epoch))`,
};

interface Row {
  is_revoked: boolean;
  status: number | null;
  client_principal: string | null;
  user_id: string | null;
  username: string;
  is_staff: boolean;
  is_superuser: boolean;
  version: number | null;
  api_version: number | null;
  other_version: number | null;
}

export async function readTokenState(
  db: Database,
  claims: AccessTokenClaims,
  now: Date,
  also: { apiId: string | undefined; versionOf: string | undefined; place: StatusPlace | null },
): Promise<TokenState> {
  const user = claims.sub === claims.client_id ? null : claims.sub;
  // A grant's token lives by its grant, which may outlive the session's time; that it was ended shows in the status.
  const session = claims.client_id === OWN_CLIENT ? claims.sid : null;
  const { apiId, versionOf, place } = also;
  const values = [claims.jti, user, session, claims.client_id, apiId, versionOf, now, place?.list, place?.idx];
  const [row] = (await db.query<Row>(
    tokenState,
    values.map((one) => one ?? null),
  )) as [Row];
  return {
    isRevoked: row.is_revoked,
    status: row.status,
    isClientActive: row.client_principal !== null,
    clientPrincipal: row.client_principal,
    user:
      row.user_id === null
        ? null
        : { id: row.user_id, username: row.username, isStaff: row.is_staff, isSuperuser: row.is_superuser },
    version: row.version,
    apiVersion: row.api_version,
    otherVersion: row.other_version,
  };
}
