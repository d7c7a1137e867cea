import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Api, Permission } from './entities.ts';
import type { Source } from './explain.ts';
import type { PrincipalQuery } from './fan-out.ts';

/** A permission of an API by name, as in `has_perm`; `id` is null if the name is not registered. */
export interface PermissionRef {
  readonly api: string;
  readonly id: string | null;
}

export async function findPermissionRef(
  em: SqlEntityManager,
  api: Pick<Api, 'id'>,
  name: string,
): Promise<PermissionRef> {
  const permission = await em.findOne(Permission, { api: api.id, name, removedVersion: null });
  return { api: api.id, id: permission?.id ?? null };
}

/** The principals that have a permission directly or by a group, and optionally the API's superusers, as a query. */
export function principalsWithPerm({ api, id }: PermissionRef, now: Date, withSuperusers: boolean): PrincipalQuery {
  const principals = `select a.principal_id as id from permissions_assignment a where a.permission_id = ?::uuid and (a.ends_at is null or a.ends_at > ?)
    union select m.principal_id from permissions_group_permission g join permissions_group_member m on m.group_id = g.group_id
      where g.permission_id = ?::uuid and (g.ends_at is null or g.ends_at > ?) and (m.ends_at is null or m.ends_at > ?)`;
  const values = [id, now, id, now, now];
  if (!withSuperusers) return { sql: principals, values };
  const superusers = 'select r.principal_id from permissions_role r where r.api_id = ?::uuid and r.is_superuser';
  return { sql: `${principals} union ${superusers}`, values: [...values, api] };
}

export type PermSource = Pick<Source, 'from' | 'group'>;

/** Returns the sources of a permission by principal id. Global superusers are left out: only the room `users` has that flag. */
export async function readPermSources(
  em: SqlEntityManager,
  { api, id }: PermissionRef,
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
