import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Database, runIn, type Statement } from '../platform/database/index.ts';
import { keyOfAudience } from './audience.ts';
import type { Api } from './entities.ts';
import { noRights, type Rights } from './has-perm.ts';
import type { Holder } from './principal.ts';

/** $1 principal, $2 API, $3 is a superuser everywhere, $4 now. One row, or none when the principal is gone. */
const rightsStatement: Statement = {
  name: 'access-rights',
  text: `select p.perms_version::int as version, coalesce(r.is_staff, false) as is_staff, coalesce(r.is_superuser, false) as is_superuser,
    array(select q.name from access_permission q where q.api_id = $2 and q.removed_version is null and (
      $3::boolean or coalesce(r.is_superuser, false)
      or exists (select from access_assignment a where a.principal_id = p.id and a.permission_id = q.id and (a.ends_at is null or a.ends_at > $4::timestamptz))
      or exists (select from access_group_member m join access_group_permission g on g.group_id = m.group_id
        where m.principal_id = p.id and g.permission_id = q.id and (m.ends_at is null or m.ends_at > $4::timestamptz) and (g.ends_at is null or g.ends_at > $4::timestamptz))
    )) as permissions
    from access_principal p left join access_role r on r.principal_id = p.id and r.api_id = $2
    where p.id = $1`,
};

interface RightsRow {
  version: number;
  is_staff: boolean;
  is_superuser: boolean;
  permissions: string[];
}

/** What a principal may do at an API now. Pass a unit of work when inside its transaction, else the database. */
export async function readRights(
  from: Database | SqlEntityManager,
  who: Holder,
  apiId: string,
  now: Date,
): Promise<Rights> {
  if (!who.isActive) return noRights;
  const values = [who.id, apiId, who.isSuperuser, now];
  const rows =
    'query' in from
      ? await from.query<RightsRow>(rightsStatement, values)
      : await runIn<RightsRow>(from, rightsStatement, values);
  const row = rows[0];
  if (!row) return noRights;
  return {
    isActive: true,
    isSuperuser: who.isSuperuser || row.is_superuser,
    isStaff: row.is_staff,
    permissions: new Set(row.permissions),
    version: row.version,
  };
}

/** An API as requests need it. */
export type KnownApi = Pick<
  Api,
  'id' | 'audience' | 'isBuiltin' | 'typ' | 'ttlSeconds' | 'budgetBytes' | 'withUsername' | 'withSourceId'
>;

const apiColumns = `select id, audience, is_builtin, typ, ttl_seconds::int as ttl_seconds, budget_bytes::int as budget_bytes, with_username, with_source_id from access_api`;
const apiByAudience: Statement = { name: 'access-api-by-audience', text: `${apiColumns} where audience_key = $1` };
const apiById: Statement = { name: 'access-api-by-id', text: `${apiColumns} where id = $1` };

interface ApiRow {
  id: string;
  audience: string;
  is_builtin: boolean;
  typ: Api['typ'];
  ttl_seconds: number;
  budget_bytes: number;
  with_username: boolean;
  with_source_id: boolean;
}

/** The API of an audience; the issuer and `signet` both name Signet's own. Null when there is none. */
export async function readApi(db: Database, audience: string, issuer: string): Promise<KnownApi | null> {
  const [row] = await db.query<ApiRow>(apiByAudience, [keyOfAudience(audience, issuer)]);
  return row ? apiOf(row) : null;
}

export async function readApiById(db: Database, id: string): Promise<KnownApi | null> {
  const [row] = await db.query<ApiRow>(apiById, [id]);
  return row ? apiOf(row) : null;
}

function apiOf(row: ApiRow): KnownApi {
  return {
    id: row.id,
    audience: row.audience,
    isBuiltin: row.is_builtin,
    typ: row.typ,
    ttlSeconds: row.ttl_seconds,
    budgetBytes: row.budget_bytes,
    withUsername: row.with_username,
    withSourceId: row.with_source_id,
  };
}

const groupsStatement: Statement = {
  name: 'access-groups',
  text: `select x.name from access_group_member m join access_group x on x.id = m.group_id
    where m.principal_id = $1 and (m.ends_at is null or m.ends_at > $2::timestamptz) order by x.name_key collate "C"`,
};

/** Names of the groups that a principal is in now. */
export async function readGroups(db: Database, principalId: string, now: Date): Promise<string[]> {
  return (await db.query<{ name: string }>(groupsStatement, [principalId, now])).map((row) => row.name);
}
