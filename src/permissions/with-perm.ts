import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Api, Permission } from './entities.ts';
import type { Source } from './explain.ts';
import type { PrincipalQuery } from './fan-out.ts';

/** A name at an API, as `has_perm` asks about it: `id` is null for one that nobody has registered. */
export interface AskedPermission {
  readonly api: string;
  readonly id: string | null;
}

export async function askedPermission(
  em: SqlEntityManager,
  api: Pick<Api, 'id'>,
  name: string,
): Promise<AskedPermission> {
  const permission = await em.findOne(Permission, { api: api.id, name, removedVersion: null });
  return { api: api.id, id: permission?.id ?? null };
}

/** The principals that hold a permission directly or by a group, as a query: and the API's superusers, where they count. */
export function principalsWithPerm(asked: AskedPermission, now: Date, withSuperusers: boolean): PrincipalQuery {
  const { api, id } = asked;
  const held = `select a.principal_id as id from permissions_assignment a where a.permission_id = ?::uuid and (a.ends_at is null or a.ends_at > ?)
    union select m.principal_id from permissions_group_permission g join permissions_group_member m on m.group_id = g.group_id
      where g.permission_id = ?::uuid and (g.ends_at is null or g.ends_at > ?) and (m.ends_at is null or m.ends_at > ?)`;
  const values = [id, now, id, now, now];
  if (!withSuperusers) return { sql: held, values };
  const superusers = 'select r.principal_id from permissions_role r where r.api_id = ?::uuid and r.is_superuser';
  return { sql: `${held} union ${superusers}`, values: [...values, api] };
}

export type PermSource = Pick<Source, 'from' | 'group'>;

/** Where these principals have a permission from, by id; what identity alone knows, a superuser of everything, is not in it. */
export async function sourcesOfPerm(
  em: SqlEntityManager,
  { api, id }: AskedPermission,
  principals: readonly string[],
  now: Date,
): Promise<Map<string, PermSource[]>> {
  const among = 'array(select jsonb_array_elements_text(?::jsonb)::uuid)';
  const ids = JSON.stringify(principals);
  const rows = await em.execute<({ id: string } & PermSource)[]>(
    `select s.id, s.source as "from", s.group_name as "group" from (
       select a.principal_id as id, 'user' as source, null::text as group_name from permissions_assignment a
         where a.permission_id = ?::uuid and (a.ends_at is null or a.ends_at > ?) and a.principal_id = any(${among})
       union all select m.principal_id, 'group', x.name from permissions_group_permission g
         join permissions_group_member m on m.group_id = g.group_id join permissions_group x on x.id = g.group_id
         where g.permission_id = ?::uuid and (g.ends_at is null or g.ends_at > ?) and (m.ends_at is null or m.ends_at > ?)
           and m.principal_id = any(${among})
       union all select r.principal_id, 'superuser', null from permissions_role r
         where r.api_id = ?::uuid and r.is_superuser and r.principal_id = any(${among})
     ) s order by s.source collate "C" desc, s.group_name collate "C"`,
    [id, now, ids, id, now, now, ids, api, ids],
  );
  const sources = new Map<string, PermSource[]>();
  for (const { id: principal, from, group } of rows)
    sources.set(principal, [...(sources.get(principal) ?? []), { from, group }]);
  return sources;
}
