import { view } from '../platform/database/index.ts';

// What statements of other rooms may read, and lock, of the tables of this one.

export const principalView = view('permissions_principal', 'id', 'kind', 'perms_version');

export const apiView = view(
  'permissions_api',
  ...['id', 'name', 'audience', 'audience_key', 'is_builtin', 'typ', 'version', 'catalogue_hash', 'with_superseded'],
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

/**
 * Select: the API of a row `a` of `rows` with an `api_id`, kept from deletion until the transaction ends. `when` is a further condition,
 * for the order of locks.
 */
export const lockApiOf = (rows: string, when: string) =>
  `select q.id from ${rows} a join permissions_api q on q.id = a.api_id where ${when} for key share of q`;

/**
 * Select: id and version of the principals with these ids (an array, of parameters or of columns of a row `a` of `rows`), locked in the
 * order of their ids until the transaction ends: by `share` their rights cannot change meanwhile, by `key share` they cannot be deleted.
 */
export const lockPrincipals = (
  lock: 'share' | 'key share',
  ids: string,
  from: { rows: string; when: string } | null = null,
) =>
  `select p.id, p.perms_version::int as version from ${from ? `${from.rows} a, ` : ''}permissions_principal p
      where p.id = any(${ids})${from ? ` and ${from.when}` : ''} order by p.id for ${lock} of p`;
