import {
  type ApiSnapshot,
  type IndexedPermission,
  limitRights,
  livePermission,
  permissionView,
  type Rights,
} from '../permissions/index.ts';
import { type Database, hotSelect } from '../platform/database/index.ts';
import { NO_API } from '../tokens/index.ts';

/** What clients that are not first-party may use of a user's rights. */
export interface RightsLimit {
  /** Principals of the clients; the boundary of each of them applies. */
  readonly clients: readonly string[];
  /**
   * Ids of the permissions that the user has consented to; null where no consent was asked, and the boundaries alone
   * apply.
   */
  readonly permissions: readonly string[] | null;
}

/**
 * $1 clients, $2 API, $3 consented permissions. The query starts from the consented permissions, or from the first
 * boundary where no consent was asked, so the size of the catalogue does not matter to a client that may use little of
 * it. (`offset 0` keeps PostgreSQL from starting at the catalogue.)
 */
const allowed = hotSelect(
  'oauth-allowed',
  `select q.index::int as index, q.name from (
      select distinct w.id from unnest($3::uuid[]) w(id)
      union all select f.permission_id from oauth_client_boundary f where $3::uuid[] is null and f.client_id = ($1::uuid[])[1]
    ) w cross join lateral (select p.index, p.name, p.api_id, p.removed_version from ${permissionView('p')} where p.id = w.id offset 0) q
    where q.api_id = $2::uuid and ${livePermission()}
      and not exists (select from unnest($1::uuid[]) c(id)
        where not exists (select from oauth_client_boundary x where x.client_id = c.id and x.permission_id = w.id))`,
);

/**
 * Returns a user's rights as clients that are not first-party may use them: permissions within each boundary that the
 * user has consented to, and no flags. Call it after the token has its status index: a later change of the boundary
 * then finds the index and invalidates the token.
 */
export async function readLimitedRights(
  db: Database,
  rights: Rights,
  api: Pick<ApiSnapshot, 'id'>,
  limit: RightsLimit | null,
): Promise<Rights> {
  if (limit === null || api.id === NO_API || !rights.isActive) return rights;
  const rows = await db.query<IndexedPermission>(allowed, [[...new Set(limit.clients)], api.id, limit.permissions]);
  return limitRights(rights, rows);
}
