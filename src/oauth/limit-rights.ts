import { type ApiSnapshot, limitRights, type PlacedPermission, type Rights } from '../permissions/index.ts';
import { type Database, hotSelect } from '../platform/database/index.ts';
import { NO_API } from '../tokens/index.ts';

/** What may be used of a user's rights by the clients that are not first-party. */
export interface RightsLimit {
  /** Principals of the clients whose ceilings hold, every one of them. */
  readonly clients: readonly string[];
  /** Ids of permissions that the user has let the client use; null: nobody was asked, and the ceilings alone hold. */
  readonly consented: readonly string[] | null;
}

/**
 * $1 clients, $2 API, $3 what was consented to. It starts from that, or from the first ceiling where nobody was asked, so that a large
 * catalogue costs nothing to a client that may use little of it. (`offset 0` keeps PostgreSQL from starting at the catalogue.)
 */
const allowed = hotSelect(
  'oauth-allowed',
  `select q.index::int as index, q.name from (
      select distinct w.id from unnest($3::uuid[]) w(id)
      union all select f.permission_id from oauth_client_boundary f where $3::uuid[] is null and f.client_id = ($1::uuid[])[1]
    ) w cross join lateral (select p.index, p.name, p.api_id, p.removed_version from permissions_permission p where p.id = w.id offset 0) q
    where q.api_id = $2::uuid and q.removed_version is null
      and not exists (select from unnest($1::uuid[]) c(id)
        where not exists (select from oauth_client_boundary x where x.client_id = c.id and x.permission_id = w.id))`,
);

/**
 * A user's rights as a client that is not first-party may use them: those under its ceiling, of those that the user has consented
 * to, and no flag. What is read here must be read after the token has its place: a ceiling that changes later finds the place.
 */
export async function cut(
  db: Database,
  rights: Rights,
  api: Pick<ApiSnapshot, 'id'>,
  by: RightsLimit | null,
): Promise<Rights> {
  if (by === null || api.id === NO_API || !rights.isActive) return rights;
  const rows = await db.query<PlacedPermission>(allowed, [[...new Set(by.clients)], api.id, by.consented]);
  return limitRights(rights, rows);
}
