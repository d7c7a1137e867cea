import { view } from '../platform/database/index.ts';

// What statements of other rooms may read of the tables of this one.

export const principalView = view('permissions_principal', 'id', 'kind', 'perms_version');

export const apiView = view(
  'permissions_api',
  ...['id', 'audience', 'audience_key', 'is_builtin', 'typ', 'version', 'catalogue_hash', 'with_superseded'],
);

export const permissionView = view(
  'permissions_permission',
  ...['id', 'api_id', 'name', 'label', 'index', 'removed_version'],
);

export const groupView = view('permissions_group', 'id', 'name', 'name_key');

export const groupMemberView = view('permissions_group_member', 'group_id', 'principal_id', 'ends_at');

export const assignmentView = view('permissions_assignment', 'principal_id', 'permission_id', 'ends_at');

export const roleView = view('permissions_role', 'principal_id', 'api_id', 'is_staff', 'is_superuser');

/** Condition: the permission `q` is in its API's catalogue, and not a tombstone. */
export const livePermission = (q = 'q') => `${q}.removed_version is null`;

/** The version of the API with an id, a parameter or a column; null where there is none. */
export const apiVersion = (id: string) => `(select a.version::int from permissions_api a where a.id = ${id})`;

/** The permissions version of the principal with an id, a parameter or a column; null where there is none. */
export const permsVersion = (id: string) =>
  `(select p.perms_version::int from permissions_principal p where p.id = ${id})`;
