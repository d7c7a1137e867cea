import type { Database, Statement } from '../platform/database/index.ts';

/** Which claims a scope brings (OIDC Core §5.4); `groups` is what everybody else calls it. */
export const ofScope: Readonly<Record<string, readonly string[]>> = {
  profile: ['name', 'given_name', 'family_name', 'preferred_username'],
  email: ['email', 'email_verified'],
  groups: ['groups'],
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

const about: Statement = {
  name: 'oauth-user-claims',
  text: `select u.username, u.email, u.email_verified_at is not null as is_email_verified, u.first_name, u.last_name,
    array(select g.name from access_group_member m join access_group g on g.id = m.group_id where m.principal_id = u.id
      and (m.ends_at is null or m.ends_at > now()) order by g.name_key collate "C") as groups
    from identity_user u where u.id = $1::uuid and u.is_active`,
};

/**
 * What a client is told of a user: the claims of its scopes, and those that it asked for by name (OIDC Core §5.4, §5.5). What is
 * not known is left out, never empty (§5.3.2).
 */
export async function userClaims(
  db: Database,
  userId: string,
  scopes: readonly string[],
  named: readonly string[],
): Promise<Record<string, unknown>> {
  // Groups are for the scope of that name alone.
  const wanted = new Set([...scopes.flatMap((one) => ofScope[one] ?? []), ...named.filter((one) => one !== 'groups')]);
  if (wanted.size === 0) return {};
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
  return Object.fromEntries(Object.entries(known).filter(([claim]) => wanted.has(claim)));
}
