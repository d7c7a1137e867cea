import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Database, hotSelect, runOn } from '../platform/database/index.ts';
import { resolveAudienceKey } from './audience.ts';
import type { Api } from './entities.ts';
import { createRights, noRights, type Rights } from './has-perm.ts';
import type { PrincipalRef } from './principal.ts';

const isLive = (table: string) => `(${table}.ends_at is null or ${table}.ends_at > $4::timestamptz)`;

/**
 * $1 principal, $2 API, $3 is a global superuser, $4 now. Returns one row, or none if the principal or the API does not exist. It starts
 * from the assignments, so that the size of the catalogue does not matter for principals with few permissions.
 */
const rightsStatement = hotSelect(
  'permissions-rights',
  `with role as (
      select coalesce(bool_or(r.is_staff), false) as is_staff, $3::boolean or coalesce(bool_or(r.is_superuser), false) as is_superuser
      from permissions_role r where r.principal_id = $1 and r.api_id = $2
    ), member as materialized (
      select m.group_id, m.ends_at from permissions_group_member m where m.principal_id = $1 and ${isLive('m')}
    ), held as materialized (
      select a.permission_id as id, a.ends_at from permissions_assignment a where a.principal_id = $1 and ${isLive('a')}
      union all
      select g.permission_id, g.ends_at from member m join permissions_group_permission g on g.group_id = m.group_id where ${isLive('g')}
    ), named as materialized (
      select q.index, q.name from permissions_permission q
        where q.api_id = $2 and q.removed_version is null and (select is_superuser from role)
      union
      select q.index, q.name from permissions_permission q
        where q.id in (select id from held) and q.api_id = $2 and q.removed_version is null
    )
    select p.perms_version::int as version, r.is_staff, r.is_superuser,
      array(select index from named order by index)::int[] as indexes, array(select name from named order by index) as names,
      array(select x.name from member m join permissions_group x on x.id = m.group_id order by x.name_key collate "C") as groups,
      extract(epoch from least((select min(ends_at) from held), (select min(ends_at) from member)))::float8 as ends_at,
      i.catalogue_version::int as catalogue_version, i.catalogue_hash, i.next_index::int as length
    from permissions_principal p cross join role r join permissions_api i on i.id = $2
    where p.id = $1`,
);

interface RightsRow {
  version: number;
  is_staff: boolean;
  is_superuser: boolean;
  indexes: number[];
  names: string[];
  groups: string[];
  ends_at: number | null;
  catalogue_version: number;
  catalogue_hash: string;
  length: number;
}

/** Returns the current rights of a principal at an API. Pass an entity manager inside its transaction, otherwise the database. */
export async function readRights(
  from: Database | SqlEntityManager,
  principal: PrincipalRef,
  apiId: string,
  now: Date,
): Promise<Rights> {
  if (!principal.isActive) return noRights;
  const values = [principal.id, apiId, principal.isSuperuser, now];
  const [row] = await runOn<RightsRow>(from, rightsStatement, values);
  if (!row) return noRights;
  return createRights({
    isActive: true,
    isSuperuser: row.is_superuser,
    isStaff: row.is_staff,
    indexes: row.indexes,
    names: row.names,
    groups: row.groups,
    version: row.version,
    endsAtMs: row.ends_at === null ? Number.POSITIVE_INFINITY : row.ends_at * 1000,
    catalogue: { version: row.catalogue_version, hash: row.catalogue_hash, length: row.length },
  });
}

/** The fields of an API that requests use. */
export type ApiSnapshot = Pick<
  Api,
  | 'id'
  | 'audience'
  | 'isBuiltin'
  | 'typ'
  | 'alg'
  | 'tokenKind'
  | 'format'
  | 'ttlSeconds'
  | 'budgetBytes'
  | 'overBudget'
  | 'withUsername'
  | 'withSourceId'
  | 'version'
>;

const apiColumns = `select id, audience, is_builtin as "isBuiltin", typ, alg, token_kind as "tokenKind", format, ttl_seconds::int as "ttlSeconds", budget_bytes::int as "budgetBytes",
  over_budget as "overBudget", with_username as "withUsername", with_source_id as "withSourceId", version::int as version from permissions_api`;
const apiByAudience = hotSelect('permissions-api-by-audience', `${apiColumns} where audience_key = $1`);
const apiById = hotSelect('permissions-api-by-id', `${apiColumns} where id = $1`);

/** Returns the API of an audience, or null. The issuer and `signet` both name Signet's own. */
export async function readApi(db: Database, audience: string, issuer: string): Promise<ApiSnapshot | null> {
  const [api] = await db.query<ApiSnapshot>(apiByAudience, [resolveAudienceKey(audience, issuer)]);
  return api ?? null;
}

export async function readApiById(db: Database, id: string): Promise<ApiSnapshot | null> {
  const [api] = await db.query<ApiSnapshot>(apiById, [id]);
  return api ?? null;
}
