import type { ApiSnapshot } from '../../permissions/index.ts';
import type { Database, Statement } from '../../platform/database/index.ts';
import { USER_SCOPES } from '../../tokens/index.ts';
import type { LiveClient } from '../clients/cache.ts';
import { requireAllowedScope, scopeNames } from '../requested-scope.ts';

/** What an authorization request comes to. */
export interface RequestedAccess {
  /** The scopes that are kept, as a parameter has them; null for none. */
  readonly scope: string | null;
  readonly scopes: readonly string[];
  /** Asks for tokens that outlive the session (OIDC Core §11). */
  readonly isOffline: boolean;
  /** What the client would carry at most of the user's permissions; null for a first-party client, which carries all. */
  readonly permissions: readonly RequestedPermission[] | null;
}

export interface RequestedPermission {
  readonly id: string;
  readonly name: string;
  readonly label: string;
}

/** $1 client, $2 API. */
const ceiling: Statement = {
  name: 'oauth-ceiling',
  text: `select q.id, q.name, q.label from oauth_client_boundary x join permissions_permission q on q.id = x.permission_id
    where x.client_id = $1 and q.api_id = $2 and q.removed_version is null order by q.index`,
};

/** $1 API, $2 names. */
const named: Statement = {
  name: 'oauth-permissions-named',
  text: 'select q.name from permissions_permission q where q.api_id = $1 and q.removed_version is null and q.name = any($2::text[])',
};

/**
 * What a client asks its user for. Scopes that are unknown, or not for this client, are dropped (OIDC Core §3.1.2.1); OAuthError
 * `invalid_scope` when nothing is left. A permission is asked for by its name as a scope; a client that names none asks for all that is
 * under its ceiling.
 */
export async function resolveRequestedAccess(
  db: Database,
  client: LiveClient,
  api: ApiSnapshot | null,
  scope: string | undefined,
): Promise<RequestedAccess> {
  const asked = scopeNames(scope);
  const ofUser = asked.filter((one) => isKept(client, api, one));
  const rest = asked.filter((one) => !USER_SCOPES.includes(one));
  const isOffline = ofUser.includes('offline_access');
  if (client.isFirstParty) {
    const known = api && rest.length > 0 ? await db.query<{ name: string }>(named, [api.id, rest]) : [];
    const allowed = [...ofUser, ...known.map((one) => one.name)];
    return { ...kept(asked, allowed), isOffline, permissions: null };
  }
  const under = api ? await db.query<RequestedPermission>(ceiling, [client.id, api.id]) : [];
  const permissions = under.filter((one) => rest.length === 0 || rest.includes(one.name));
  const names = rest.length === 0 ? [] : permissions.map((one) => one.name);
  return { ...kept(asked, [...ofUser, ...names]), isOffline, permissions };
}

/** Refuses what `resolveRequestedAccess` would, before anybody logs in for nothing. It asks the database only where no scope of OpenID's is there. */
export async function validateScope(
  db: Database,
  client: LiveClient,
  api: ApiSnapshot | null,
  scope: string | undefined,
): Promise<void> {
  if (!scopeNames(scope).some((one) => isKept(client, api, one))) await resolveRequestedAccess(db, client, api, scope);
}

/** A scope of which something can come: OIDC Core §11, `offline_access` takes refresh tokens; `permissions` are of an API. */
function isKept(client: LiveClient, api: ApiSnapshot | null, scope: string): boolean {
  if (scope === 'offline_access') return client.grantTypes.includes('refresh_token');
  return USER_SCOPES.includes(scope) && (scope !== 'permissions' || api !== null);
}

/** In the order in which they were asked for. */
function kept(asked: readonly string[], those: readonly string[]): Pick<RequestedAccess, 'scope' | 'scopes'> {
  const scopes = asked.filter((one) => those.includes(one));
  requireAllowedScope(asked, scopes);
  return { scopes, scope: scopes.length === 0 ? null : scopes.join(' ') };
}
