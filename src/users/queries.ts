import type { SqlEntityManager } from '@mikro-orm/sql';
import { principalView } from '../permissions/index.ts';
import { type Database, hotSelect, type Statement } from '../platform/database/index.ts';
import { activeUser } from './views.ts';

/** An active user, with the fields that requests use. */
export interface ActiveUser {
  readonly id: string;
  /** The permission version of its principal: cached rights are valid for exactly this version. */
  readonly version: number;
  readonly username: string;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly isActive: true;
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
}

/** The columns that a statement selects for `readActiveUser`, from the user `u` and its principal `p`. */
export const activeUserColumns =
  'u.id as user_id, u.username, u.email, u.first_name, u.last_name, u.is_staff, u.is_superuser, p.perms_version::int as version';

export interface ActiveUserRow {
  version: number;
  user_id: string;
  username: string;
  email: string;
  first_name: string;
  last_name: string;
  is_staff: boolean;
  is_superuser: boolean;
}

const activeUserById = hotSelect(
  'users-active-user',
  `select ${activeUserColumns}
    from users_user u join ${principalView('p')} on p.id = u.id where u.id = $1 and ${activeUser()}`,
);

/** Returns the active user with this id, or null. */
export async function findActiveUser(db: Database, id: string): Promise<ActiveUser | null> {
  const [row] = await db.query<ActiveUserRow>(activeUserById, [id]);
  return row ? readActiveUser(row) : null;
}

export function readActiveUser(row: ActiveUserRow): ActiveUser {
  return {
    id: row.user_id,
    version: row.version,
    username: row.username,
    email: row.email,
    firstName: row.first_name,
    lastName: row.last_name,
    isActive: true,
    isStaff: row.is_staff,
    isSuperuser: row.is_superuser,
  };
}

/** Looks for a username first, then for a verified e-mail address if no username equals it. */
const credentialsByName = hotSelect(
  'users-credentials',
  `select id, password, password_epoch::int as "passwordEpoch", is_active as "isActive" from users_user where username_key = $1
    union all
    select id, password, password_epoch::int, is_active from users_user where email_key = $1 and email_verified_at is not null
      and not exists (select from users_user where username_key = $1)`,
);

/** What a password is verified against. */
export interface StoredCredentials {
  readonly id: string;
  readonly password: string;
  readonly passwordEpoch: number;
  readonly isActive: boolean;
}

/** Returns the stored password of the user with a name (folded by `casefoldName`), active or not; null if there is none. */
export async function readCredentials(db: Database, nameKey: string): Promise<StoredCredentials | null> {
  const [row] = await db.query<StoredCredentials>(credentialsByName, [nameKey]);
  return row ?? null;
}

const idByUsername = hotSelect('users-id-by-username', 'select id from users_user where username_key = $1');

/** Returns the id of the user with a username (folded by `casefoldName`), or null. */
export async function findUserId(db: Database, usernameKey: string): Promise<string | null> {
  const [row] = await db.query<{ id: string }>(idByUsername, [usernameKey]);
  return row?.id ?? null;
}

const imported: Statement = {
  name: 'users-imported-passwords',
  text: `select password from users_user where deleted_at is null and password not like 'argon2id\\_nfkc$%' and password not like '!%' limit $1`,
};

/** Returns stored passwords of other algorithms than Signet's own: imported, and not yet upgraded by a login. */
export async function readImportedPasswords(db: Database, limit: number): Promise<string[]> {
  return (await db.query<{ password: string }>(imported, [limit])).map((one) => one.password);
}

/**
 * Locks an active user until the end of the transaction: a later deactivation or change of the password finds what it adds. Returns the
 * password epoch; null where there is no such active user.
 */
export async function holdActiveUser(tx: SqlEntityManager, id: string): Promise<number | null> {
  const text = `select u.password_epoch::int as epoch from users_user u where u.id = ? and ${activeUser()} for share`;
  const [row] = await tx.execute<{ epoch: number }[]>(text, [id]);
  return row?.epoch ?? null;
}
