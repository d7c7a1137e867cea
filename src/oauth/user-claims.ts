import { getAllPermissions, groupMemberView, groupView, type Rights } from '../permissions/index.ts';
import { type Database, hotSelect } from '../platform/database/index.ts';
import { activeUser, userView } from '../users/index.ts';

/** The claims of each scope (OIDC Core §5.4); `groups` is a common extension. */
export const scopeClaims: Readonly<Record<string, readonly string[]>> = {
  profile: ['name', 'given_name', 'family_name', 'preferred_username'],
  email: ['email', 'email_verified'],
  groups: ['groups'],
  permissions: ['permissions', 'is_staff', 'is_superuser'],
};

/** All claims about a user. */
export const USER_CLAIMS: readonly string[] = Object.values(scopeClaims).flat();

/** A username and `profileColumns`, as read. */
export interface UserProfile {
  readonly username: string;
  readonly email: string;
  readonly is_email_verified: boolean;
  readonly first_name: string;
  readonly last_name: string;
  /** Empty unless requested. */
  readonly groups: readonly string[];
}

/**
 * Columns for claims about the user `u`, without its username. The arguments are the placeholders of the current time
 * and of whether groups are needed.
 */
export const profileColumns = (now: string, withGroups: string) =>
  `u.email, u.email_verified_at is not null as is_email_verified, u.first_name, u.last_name,
    case when ${withGroups}::boolean then array(select g.name from ${groupMemberView('m')} join ${groupView('g')} on g.id = m.group_id where m.principal_id = u.id
      and (m.ends_at is null or m.ends_at > ${now}::timestamptz) order by g.name_key collate "C") else '{}' end as groups`;

const userClaimsStatement = hotSelect(
  'oauth-user-claims',
  `select u.username, ${profileColumns('$2', '$3')} from ${userView('u')} where u.id = $1::uuid and ${activeUser()}`,
);

/**
 * Returns the claims of scopes, and those requested by name (OIDC Core §5.4, §5.5). Groups come by their scope alone.
 */
export function selectClaims(scopes: readonly string[], names: readonly string[]): ReadonlySet<string> {
  return new Set([...scopes.flatMap((one) => scopeClaims[one] ?? []), ...names.filter((one) => one !== 'groups')]);
}

/** Reads a user and returns the selected claims. */
export async function userClaims(
  db: Database,
  userId: string,
  selected: ReadonlySet<string>,
  now: Date,
): Promise<Record<string, unknown>> {
  if (!hasUserClaim(selected)) return {};
  const [row] = await db.query<UserProfile>(userClaimsStatement, [userId, now, selected.has('groups')]);
  return row ? profileClaims(row, selected) : {};
}

/** Returns the selected claims of a user. A claim without a value is left out, never empty (OIDC Core §5.3.2). */
export function profileClaims(row: UserProfile, selected: ReadonlySet<string>): Record<string, unknown> {
  const name = [row.first_name, row.last_name].filter((one) => one !== '').join(' ');
  const all: Record<string, unknown> = {
    ...(name === '' ? {} : { name }),
    ...(row.first_name === '' ? {} : { given_name: row.first_name }),
    ...(row.last_name === '' ? {} : { family_name: row.last_name }),
    preferred_username: row.username,
    ...(row.email === '' ? {} : { email: row.email, email_verified: row.is_email_verified }),
    groups: row.groups,
  };
  return pickClaims(selected, all);
}

/** The rights of a user at one API, limited to what the client may use of them. */
export interface ApiRights {
  readonly rights: Rights;
  /** Django's global `is_staff`, false for a client that carries no flag. */
  readonly isStaff: boolean;
}

/**
 * Returns the selected claims about a user's rights at one API, permissions always as a list of names. Null: the client
 * has no API, and no such claims.
 */
export function permissionClaims(apiRights: ApiRights | null, selected: ReadonlySet<string>): Record<string, unknown> {
  if (apiRights === null) return {};
  const { rights, isStaff } = apiRights;
  return pickClaims(selected, {
    permissions: getAllPermissions(rights),
    is_staff: rights.isActive && (isStaff || rights.isStaff),
    is_superuser: rights.isActive && rights.isSuperuser,
  });
}

/** Whether one of these claims is about rights. */
export function hasRightsClaim(claims: Iterable<string>): boolean {
  return [...claims].some((one) => scopeClaims['permissions']?.includes(one));
}

function hasUserClaim(claims: ReadonlySet<string>): boolean {
  return USER_CLAIMS.some((one) => claims.has(one) && !hasRightsClaim([one]));
}

function pickClaims(selected: ReadonlySet<string>, claims: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(claims).filter(([claim]) => selected.has(claim)));
}
