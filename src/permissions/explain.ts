import type { SqlEntityManager } from '@mikro-orm/sql';
import type { PrincipalRef } from './principal.ts';

/** A permission and its source: `user` (assigned directly), `superuser`, or a group. */
export interface Source {
  readonly audience: string;
  readonly name: string;
  readonly from: 'user' | 'superuser' | 'group';
  readonly group: string | null;
}

/** Returns every permission of a principal with each of its sources, for one API or for all. An inactive principal has none. */
export async function explainPermissions(
  em: SqlEntityManager,
  principal: PrincipalRef,
  now: Date,
  apiId?: string,
): Promise<Source[]> {
  if (!principal.isActive) return [];
  const atApi = apiId === undefined ? '' : 'and q.api_id = ?';
  const api = apiId === undefined ? [] : [apiId];
  return em.execute<Source[]>(
    `select i.audience, q.name, s.source as "from", s.group_name as "group" from (
       select a.permission_id, 'user' as source, null::text as group_name from permissions_assignment a
         where a.principal_id = ? and (a.ends_at is null or a.ends_at > ?)
       union all select g.permission_id, 'group', x.name from permissions_group_member m
         join permissions_group_permission g on g.group_id = m.group_id join permissions_group x on x.id = m.group_id
         where m.principal_id = ? and (m.ends_at is null or m.ends_at > ?) and (g.ends_at is null or g.ends_at > ?)
       union all select q.id, 'superuser', null from permissions_permission q
         where ? or exists (select from permissions_role r where r.principal_id = ? and r.api_id = q.api_id and r.is_superuser)
     ) s join permissions_permission q on q.id = s.permission_id join permissions_api i on i.id = q.api_id
     where q.removed_version is null ${atApi}
     order by i.audience collate "C", q.name collate "C", s.source collate "C", s.group_name collate "C"`,
    [principal.id, now, principal.id, now, now, principal.isSuperuser, principal.id, ...api],
  );
}

/** Django's `User.get_group_permissions`: the names from groups (all names for a superuser), sorted. */
export function getGroupPermissions(sources: readonly Source[]): string[] {
  return [...new Set(sources.filter((one) => one.from !== 'user').map((one) => one.name))].sort();
}
