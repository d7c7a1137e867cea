import { type ApiSnapshot, livePermission, permissionView } from '../../permissions/index.ts';
import type { Database, Statement } from '../../platform/database/index.ts';
import { USER_SCOPES } from '../../tokens/index.ts';
import type { LiveClient } from '../clients/cache.ts';
import { requireAllowedScope, scopeNames } from '../requested-scope.ts';

/** The access that an authorization request asks for. */
export interface RequestedAccess {
  /** The remaining scopes as one parameter; null for none. */
  readonly scope: string | null;
  readonly scopes: readonly string[];
  /** Whether the tokens outlive the session (OIDC Core §11). */
  readonly isOffline: boolean;
  /**
   * The permissions that the client may carry at most; null for a first-party client, which may carry all of the
   * user's.
   */
  readonly permissions: readonly RequestedPermission[] | null;
}

export interface RequestedPermission {
  readonly id: string;
  readonly name: string;
  readonly label: string;
}

/** $1 client, $2 API. */
const selectBoundary: Statement = {
  name: 'oauth-boundary',
  text: `select q.id, q.name, q.label from oauth_client_boundary x join ${permissionView('q')} on q.id = x.permission_id
    where x.client_id = $1 and q.api_id = $2 and ${livePermission()} order by q.index`,
};

/** $1 API, $2 names. */
const selectNamedPermissions: Statement = {
  name: 'oauth-permissions-named',
  text: `select q.name from ${permissionView('q')} where q.api_id = $1 and ${livePermission()} and q.name = any($2::text[])`,
};

/**
 * Resolves the access that a client asks its user for. Drops scopes that are unknown or not for this client (OIDC Core
 * §3.1.2.1). Permissions are requested by their names as scopes; a client that names none requests all within its
 * boundary. Throws OAuthError `invalid_scope` if no scope remains.
 */
export async function resolveRequestedAccess(
  db: Database,
  client: LiveClient,
  api: ApiSnapshot | null,
  scope: string | undefined,
): Promise<RequestedAccess> {
  const names = scopeNames(scope);
  const userScopes = names.filter((one) => isUserScope(client, api, one));
  const rest = names.filter((one) => !USER_SCOPES.includes(one));
  const isOffline = userScopes.includes('offline_access');
  if (client.isFirstParty) {
    const existing =
      api && rest.length > 0 ? await db.query<{ name: string }>(selectNamedPermissions, [api.id, rest]) : [];
    const allowed = [...userScopes, ...existing.map((one) => one.name)];
    return { ...selectScopes(names, allowed), isOffline, permissions: null };
  }
  const boundary = api ? await db.query<RequestedPermission>(selectBoundary, [client.id, api.id]) : [];
  const permissions = boundary.filter((one) => rest.length === 0 || rest.includes(one.name));
  const permissionNames = rest.length === 0 ? [] : permissions.map((one) => one.name);
  return { ...selectScopes(names, [...userScopes, ...permissionNames]), isOffline, permissions };
}

/**
 * Throws what `resolveRequestedAccess` would, before the user signs in. Queries the database only if the request has no
 * scope of OpenID.
 */
export async function validateScope(
  db: Database,
  client: LiveClient,
  api: ApiSnapshot | null,
  scope: string | undefined,
): Promise<void> {
  if (!scopeNames(scope).some((one) => isUserScope(client, api, one)))
    await resolveRequestedAccess(db, client, api, scope);
}

/** Whether a scope of OpenID has an effect: `offline_access` needs refresh tokens (OIDC Core §11), `permissions` an API. */
function isUserScope(client: LiveClient, api: ApiSnapshot | null, scope: string): boolean {
  if (scope === 'offline_access') return client.grantTypes.includes('refresh_token');
  return USER_SCOPES.includes(scope) && (scope !== 'permissions' || api !== null);
}

/** Returns the allowed scopes in the order of the request. */
function selectScopes(names: readonly string[], allowed: readonly string[]): Pick<RequestedAccess, 'scope' | 'scopes'> {
  const scopes = names.filter((one) => allowed.includes(one));
  requireAllowedScope(names, scopes);
  return { scopes, scope: scopes.length === 0 ? null : scopes.join(' ') };
}
