import { principalView } from '../permissions/index.ts';
import { type Database, hotSelect } from '../platform/database/index.ts';
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
