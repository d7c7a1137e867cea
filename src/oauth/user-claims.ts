import { getAllPermissions, type Rights } from '../access/index.ts';
import { type Database, hotSelect } from '../platform/database/index.ts';

/** Which claims a scope brings (OIDC Core §5.4); `groups` is what everybody else calls it. */
export const ofScope: Readonly<Record<string, readonly string[]>> = {
  profile: ['name', 'given_name', 'family_name', 'preferred_username'],
  email: ['email', 'email_verified'],
  groups: ['groups'],
  permissions: ['permissions', 'is_staff', 'is_superuser'],
};

/** Every claim about a user that there is. */
export const USER_CLAIMS: readonly string[] = Object.values(ofScope).flat();

interface Row {
  username: string;
  email: string;
  is_email_verified: boolean;
  first_name: string;
  last_name: string;
  groups: string[];
}

const about = hotSelect(
  'oauth-user-claims',
  `select u.username, u.email, u.email_verified_at is not null as is_email_verified, u.first_name, u.last_name,
    array(select g.name from access_group_member m join access_group g on g.id = m.group_id where m.principal_id = u.id
      and (m.ends_at is null or m.ends_at > now()) order by g.name_key collate "C") as groups
    from identity_user u where u.id = $1::uuid and u.is_active`,
);

/** The claims that scopes bring, and those that were asked for by name (OIDC Core §5.4, §5.5). Groups come by their scope alone. */
export function wantedClaims(scopes: readonly string[], named: readonly string[]): ReadonlySet<string> {
  return new Set([...scopes.flatMap((one) => ofScope[one] ?? []), ...named.filter((one) => one !== 'groups')]);
}

/** What a client is told of a user. What is not known is left out, never empty (OIDC Core §5.3.2). */
export async function userClaims(
  db: Database,
  userId: string,
  wanted: ReadonlySet<string>,
): Promise<Record<string, unknown>> {
  if (!isAboutUser(wanted)) return {};
  const [row] = await db.query<Row>(about, [userId]);
  if (!row) return {};
  const name = [row.first_name, row.last_name].filter((one) => one !== '').join(' ');
  const known: Record<string, unknown> = {
    ...(name === '' ? {} : { name }),
    ...(row.first_name === '' ? {} : { given_name: row.first_name }),
    ...(row.last_name === '' ? {} : { family_name: row.last_name }),
    preferred_username: row.username,
    ...(row.email === '' ? {} : { email: row.email, email_verified: row.is_email_verified }),
    groups: row.groups,
  };
  return only(wanted, known);
}

/** The rights of a user at one API, limited to what the client may use of them. */
export interface ApiRights {
  readonly rights: Rights;
  /** Django's global `is_staff`, false for a client that carries no flag. */
  readonly isStaff: boolean;
}

/** What a client is told of a user's rights at its API, always as a list of names. Null: the client has no API, and nothing is said. */
export function permissionClaims(of: ApiRights | null, wanted: ReadonlySet<string>): Record<string, unknown> {
  if (of === null) return {};
  const { rights, isStaff } = of;
  return only(wanted, {
    permissions: getAllPermissions(rights),
    is_staff: rights.isActive && (isStaff || rights.isStaff),
    is_superuser: rights.isActive && rights.isSuperuser,
  });
}

/** Whether one of these speaks of rights. */
export function isAboutRights(wanted: Iterable<string>): boolean {
  return [...wanted].some((one) => ofScope['permissions']?.includes(one));
}

function isAboutUser(wanted: ReadonlySet<string>): boolean {
  return USER_CLAIMS.some((one) => wanted.has(one) && !isAboutRights([one]));
}

function only(wanted: ReadonlySet<string>, claims: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(claims).filter(([claim]) => wanted.has(claim)));
}
