import { apiVersion, permsVersion, principalView } from '../permissions/index.ts';
import { type Database, hotSelect } from '../platform/database/index.ts';
import { isUuid } from '../platform/text.ts';
import { liveSession, sessionView } from '../sessions/index.ts';
import {
  type AccessTokenClaims,
  type Actor,
  type DelegationChain,
  grantView,
  OWN_CLIENT,
  type RequestedClaims,
  type StatusIndex,
  statusView,
  type TokenUser,
  tokenRevoked,
} from '../tokens/index.ts';
import { activeUser, userView } from '../users/index.ts';
import { activeClient, type ClientVersion } from './clients/cache.ts';
import { profileColumns, type UserProfile } from './user-claims.ts';

/** The parts of a token's grant that limit the user's rights. */
export interface TokenGrant {
  /** Principal of the client that the grant was opened for; an exchanged token belongs to another client. */
  readonly client: string;
  readonly isFirstParty: boolean;
  readonly permissions: readonly string[] | null;
}

/** Everything that can end a token or change its rights, as of one moment. */
export interface TokenState {
  readonly isRevoked: boolean;
  /** Status of its index; null when it has none, or the index is free. */
  readonly status: number | null;
  /** Whether the client that it was issued to is active. */
  readonly isClientActive: boolean;
  readonly isClientFirstParty: boolean;
  readonly clientPrincipal: string | null;
  /** The grant that it depends on, where it was opened for a client. */
  readonly grant: TokenGrant | null;
  /** The subject, where it is an active user whose session, if any, is active. */
  readonly user: TokenUser | null;
  /** Whether all actors, current and earlier (RFC 8693 §4.1), are active. */
  readonly areActorsActive: boolean;
  /** Principals of the actors that are clients and not first-party. */
  readonly limitedActors: readonly string[];
  /** Permissions version of the subject's principal. */
  readonly version: number | null;
  /**
   * The principals through whom it was exchanged, with their versions: its client, that of its grant, and all actors.
   */
  readonly delegation: DelegationChain;
  readonly apiVersion: number | null;
  /** Permissions version of the extra principal. */
  readonly extraVersion: number | null;
  /** For userinfo; null for other uses, and where there is no user. */
  readonly userClaims: UserClaimState | null;
}

/** What userinfo needs in addition to the token's state. */
export interface UserClaimState {
  readonly profile: UserProfile;
  /** Requested by the parameter `claims` of the authorization request. */
  readonly requested: RequestedClaims | null;
  /** The client that the token was issued to, where it is a registered one. */
  readonly client: ClientVersion | null;
}

/** What a token is read for; undefined: its state alone. */
export type TokenUse = 'exchange' | 'userinfo' | undefined;

/**
 * $1 jti, $2 user that is the subject, $3 session, $4 client id, $5 API, $6 extra principal, $7 now, $8 and $9 status
 * index, $10 and $11 clients and users who act. A session is not active when it was ended, has expired, or the password
 * was changed since.
 */
const stateStatement = (name: string, delegationColumn: string, extraColumns = '') =>
  hotSelect(
    name,
    `select ${tokenRevoked('$1::uuid')} as is_revoked,
    t.state::int as status, c.id as client_principal, c.is_first_party, g.client_id as grant_client, g.permissions::text[] as grant_permissions,
    (select h.is_first_party from oauth_client h where h.id = g.client_id) as is_grant_first_party, u.id as user_id, u.username, u.is_staff, u.is_superuser,
    ${permsVersion('coalesce($2::uuid, c.id)')} as version,
    ${apiVersion('$5::uuid')} as api_version,
    ${permsVersion('$6::uuid')} as other_version,
    (select count(*)::int from oauth_client x where x.client_id = any($10::text[]) and ${activeClient('x')}) as acting_clients,
    (select count(*)::int from ${userView('y')} where y.id = any($11::uuid[]) and ${activeUser('y')}) as acting_users,
    array(select x.id::text from oauth_client x where x.client_id = any($10::text[]) and not x.is_first_party) as cut_actors, ${delegationColumn} as through${extraColumns}
    from (values (1)) one
    left join ${statusView('t')} on t.list = $8::int and t.idx = $9::int
    left join ${grantView('g')} on g.id = t.holder_id
    left join oauth_client c on c.client_id = $4 and ${activeClient()}
    left join ${userView('u')} on u.id = $2::uuid and ${activeUser()} and ($3::uuid is null or exists (
      select from ${sessionView('s')} where s.id = $3::uuid and s.user_id = u.id and ${liveSession('$7::timestamptz')}))`,
  );
const plainStatement = stateStatement('oauth-token-state', 'null');
/** For an exchange. */
const exchangeStatement = stateStatement(
  'oauth-token-state-through',
  `(select json_object_agg(p.id, p.perms_version)::text from (
      select x.id from oauth_client x where x.client_id = any($10::text[]) union select y.id from unnest($11::uuid[]) y(id)
      union select z.id from unnest(array[c.id, g.client_id]) z(id)
    ) w join ${principalView('p')} on p.id = w.id)`,
);
/** For userinfo: $12 whether groups are needed. */
const userinfoStatement = stateStatement(
  'oauth-token-state-userinfo',
  'null',
  `, ${profileColumns('$7', '$12')}, g.claims::text as requested, ${permsVersion('c.id')} as client_version`,
);

interface Row extends UserProfile {
  is_revoked: boolean;
  status: number | null;
  client_principal: string | null;
  is_first_party: boolean | null;
  grant_client: string | null;
  grant_permissions: string[] | null;
  is_grant_first_party: boolean | null;
  user_id: string | null;
  is_staff: boolean;
  is_superuser: boolean;
  version: number | null;
  api_version: number | null;
  other_version: number | null;
  acting_clients: number;
  acting_users: number;
  cut_actors: string[];
  through: string | null;
  requested?: string | null;
  client_version?: number | null;
}

export async function readTokenState(
  db: Database,
  claims: AccessTokenClaims,
  now: Date,
  extra: {
    apiId: string | undefined;
    extraPrincipal: string | undefined;
    statusIndex: StatusIndex | null;
    use: TokenUse;
  },
): Promise<TokenState> {
  const user = claims.sub === claims.client_id ? null : claims.sub;
  // A token of a grant depends on the grant, which may outlive the session's lifetime; whether the session was ended
  // shows in the status.
  const session = claims.client_id === OWN_CLIENT ? claims.sid : null;
  const { apiId, extraPrincipal, statusIndex, use } = extra;
  const actors = claims.act ? actorIds(claims.act) : null;
  const tokenValues = [
    claims.jti,
    user,
    session,
    claims.client_id,
    apiId,
    extraPrincipal,
    now,
    statusIndex?.list,
    statusIndex?.idx,
  ];
  const withGroups = use === 'userinfo' ? [tokenScopes(claims).includes('groups')] : [];
  const values = [...tokenValues, actors?.clients, actors?.users, ...withGroups];
  const [row] = (await db.query<Row>(
    use === 'userinfo' ? userinfoStatement : use === 'exchange' ? exchangeStatement : plainStatement,
    values.map((one) => one ?? null),
  )) as [Row];
  return tokenState(row, actors, use);
}

function tokenState(row: Row, actors: ReturnType<typeof actorIds> | null, use: TokenUse): TokenState {
  return {
    isRevoked: row.is_revoked,
    status: row.status,
    isClientActive: row.client_principal !== null,
    isClientFirstParty: row.is_first_party === true,
    clientPrincipal: row.client_principal,
    grant:
      row.grant_client === null
        ? null
        : {
            client: row.grant_client,
            isFirstParty: row.is_grant_first_party === true,
            permissions: row.grant_permissions,
          },
    user:
      row.user_id === null
        ? null
        : { id: row.user_id, username: row.username, isStaff: row.is_staff, isSuperuser: row.is_superuser },
    areActorsActive:
      actors === null || (row.acting_clients === actors.clients.length && row.acting_users === actors.users.length),
    limitedActors: row.cut_actors,
    version: row.version,
    delegation: new Map(Object.entries(JSON.parse(row.through ?? '{}') as Record<string, number>)),
    apiVersion: row.api_version,
    extraVersion: row.other_version,
    userClaims: use === 'userinfo' && row.user_id !== null ? userClaimState(row) : null,
  };
}

export const tokenScopes = ({ scope }: AccessTokenClaims): readonly string[] => scope?.split(' ') ?? [];

function userClaimState(row: Row): UserClaimState {
  const { requested, client_principal: id, client_version: version } = row;
  return {
    profile: row,
    requested: requested ? (JSON.parse(requested) as RequestedClaims) : null,
    client: id === null || typeof version !== 'number' ? null : { id, version },
  };
}

/** The clients and users of a chain of actors, each once. A user's id is a UUID; a client id is not. */
function actorIds(act: Actor): { clients: string[]; users: string[] } {
  const [clients, users] = [new Set<string>(), new Set<string>()];
  for (let one: Actor | undefined = act; one; one = one.act) {
    (isUuid(one.sub) ? users : clients).add(one.sub);
    if (one.client_id !== undefined) clients.add(one.client_id);
  }
  return { clients: [...clients], users: [...users] };
}
