import type { SqlEntityManager } from '@mikro-orm/sql';

/** Django's flags `is_staff` and `is_superuser` at one API. */
export interface AssignedRole {
  readonly audience: string;
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
}

/** Returns a principal's flags at single APIs, ordered by audience. */
export function readRoles(em: SqlEntityManager, principalId: string): Promise<AssignedRole[]> {
  return em.execute<AssignedRole[]>(
    `select i.audience, r.is_staff as "isStaff", r.is_superuser as "isSuperuser"
     from permissions_role r join permissions_api i on i.id = r.api_id
     where r.principal_id = ? and (r.is_staff or r.is_superuser) order by i.audience collate "C"`,
    [principalId],
  );
}

/** Returns the current permissions of a group, for one API or for all. */
export function listGroupPermissions(
  em: SqlEntityManager,
  groupId: string,
  now: Date,
  apiId?: string,
): Promise<{ audience: string; name: string }[]> {
  const atApi = apiId === undefined ? '' : 'and q.api_id = ?';
  return em.execute<{ audience: string; name: string }[]>(
    `select i.audience, q.name from permissions_group_permission g
       join permissions_permission q on q.id = g.permission_id join permissions_api i on i.id = q.api_id
     where g.group_id = ? and (g.ends_at is null or g.ends_at > ?) and q.removed_version is null ${atApi}
     order by i.audience collate "C", q.name collate "C"`,
    [groupId, now, ...(apiId === undefined ? [] : [apiId])],
  );
}

/** An assignee of a removed permission. `group` is a group's name; names of users and clients are in their own rooms. */
export interface FormerAssignee {
  readonly permission: string;
  readonly kind: 'user' | 'client' | 'group';
  readonly id: string;
  readonly group: string | null;
}

/** Returns the direct assignees of the permissions that a catalogue version removed: the assignments outlive the permission. */
export function formerAssignees(em: SqlEntityManager, apiId: string, version: number): Promise<FormerAssignee[]> {
  return em.execute<FormerAssignee[]>(
    `select q.name as permission, h.kind, h.id, h.group_name as "group" from permissions_permission q join (
       select a.permission_id, p.kind, p.id, null::text as group_name from permissions_assignment a join permissions_principal p on p.id = a.principal_id
       union all select g.permission_id, 'group', x.id, x.name from permissions_group_permission g join permissions_group x on x.id = g.group_id
     ) h on h.permission_id = q.id
     where q.api_id = ? and q.removed_version = ?
     order by q.name collate "C", h.kind collate "C", h.group_name collate "C", h.id`,
    [apiId, version],
  );
}
