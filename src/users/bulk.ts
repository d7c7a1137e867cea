import type { SqlEntityManager } from '@mikro-orm/sql';
import { assignmentView, groupMemberView, principalView, roleView } from '../permissions/index.ts';
import { analyzeTables, anyId, bulkInsert, type RowQuery } from '../platform/database/index.ts';

// Bulk verbs, for imports: one statement for all rows of a query, whose columns the comments name. They write rows and nothing else: the
// caller has checked the names, takes the locks, writes the edit log (`recordChanges`), invalidates rights and ends sessions.

/** Inserts users, after their principals (`insertPrincipals`): all columns that a user begins with. `password` is an encoded one. */
export const insertUsers = bulkInsert(
  'users_user',
  `id, username, username_key, email, email_key, email_verified_at, first_name, last_name, password,
   is_active, is_staff, is_superuser, date_joined, last_login, attributes`,
);

/** Locks users against other changes, ordered by id: `id`. The first of all locks. */
export async function lockUsersForUpdate(tx: SqlEntityManager, { sql, values }: RowQuery): Promise<void> {
  await tx.execute(`select 1 from users_user where id = any(array(${sql})) order by id for update`, [...values]);
}

/**
 * Puts placeholders in place of the names and verified addresses that `updateUsers` will change: `id`, `changes`. Two users may swap names,
 * and a unique index is checked row by row. No folded name has a capital letter.
 */
export async function freeUserNames(tx: SqlEntityManager, { sql, values }: RowQuery): Promise<void> {
  await tx.execute(
    `update users_user u set username_key = case when jsonb_exists(r.changes, 'username') then 'MOVES:' || u.id else u.username_key end,
       email_verified_at = case when jsonb_exists(r.changes, 'email') then null else u.email_verified_at end
     from (${sql}) r where u.id = r.id and (jsonb_exists(r.changes, 'username') or jsonb_exists(r.changes, 'email'))`,
    [...values],
  );
}

const text = (column: string, field: string) => `${column} = coalesce(r.changes->>'${field}', u.${column})`;
const flag = (column: string, field: string) => `${column} = coalesce((r.changes->>'${field}')::boolean, u.${column})`;
const nullable = (column: string, field: string, type: string) =>
  `${column} = case when jsonb_exists(r.changes, '${field}') then (r.changes->>'${field}')::${type} else u.${column} end`;

/**
 * Updates users, after `freeUserNames`: `id`, `changes`, a JSON object of the fields of `User` that change. A name comes with its
 * `usernameKey`, an address with its `emailKey` and `emailVerifiedAt`. A new password ends what began with the old one.
 */
export async function updateUsers(tx: SqlEntityManager, { sql, values }: RowQuery): Promise<void> {
  await tx.execute(
    `update users_user u set ${text('username', 'username')}, ${text('username_key', 'usernameKey')}, ${text('email', 'email')},
       ${nullable('email_key', 'emailKey', 'text')}, ${nullable('email_verified_at', 'emailVerifiedAt', 'timestamptz')},
       ${text('first_name', 'firstName')}, ${text('last_name', 'lastName')}, ${text('password', 'password')},
       password_epoch = u.password_epoch + case when jsonb_exists(r.changes, 'password') then 1 else 0 end,
       ${flag('is_active', 'isActive')}, ${flag('is_staff', 'isStaff')}, ${flag('is_superuser', 'isSuperuser')},
       attributes = coalesce(r.changes->'attributes', u.attributes)
     from (${sql}) r where u.id = r.id and r.changes <> '{}'`,
    [...values],
  );
}

interface Flags {
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
}

/** What an import compares and may change of a user. */
export interface UserSnapshot extends Flags {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly isActive: boolean;
  /** The flags at the API; null if there are none. */
  readonly role: Flags | null;
  readonly password: string;
  readonly passwordEpoch: number;
  readonly attributes: Record<string, unknown>;
  /** Ids. */
  readonly groups: readonly string[];
  /** Ids of the permissions that are assigned directly, of any API. */
  readonly permissions: readonly string[];
  /** A hash of all of it, to detect concurrent changes (`haveUsersChanged`); a login changes none of it. */
  readonly fingerprint: string;
}

/** Of the user `u` and its principal `p`. */
const FINGERPRINT = `md5(concat_ws('|', u.username, u.email, u.email_verified_at is not null, u.first_name, u.last_name, u.is_active,
  u.is_staff, u.is_superuser, u.password, u.attributes::text, p.perms_version))`;

interface SnapshotRow extends Omit<UserSnapshot, 'role' | 'attributes'> {
  readonly roleStaff: boolean | null;
  readonly roleSuperuser: boolean | null;
  readonly attributes: string;
}

/** Returns the users of these ids with their rights at one API, as many as one statement may read. Deleted ones are left out. */
export async function readUserSnapshots(
  em: SqlEntityManager,
  apiId: string,
  ids: readonly string[],
): Promise<UserSnapshot[]> {
  const rows = await em.execute<SnapshotRow[]>(
    `select u.id, u.username, u.email, u.first_name as "firstName", u.last_name as "lastName", u.is_active as "isActive",
       u.is_staff as "isStaff", u.is_superuser as "isSuperuser", r.is_staff as "roleStaff", r.is_superuser as "roleSuperuser",
       u.password, u.password_epoch::int as "passwordEpoch", u.attributes::text as attributes, ${FINGERPRINT} as fingerprint,
       array(select m.group_id::text from ${groupMemberView('m')} where m.principal_id = u.id) as groups,
       array(select a.permission_id::text from ${assignmentView('a')} where a.principal_id = u.id) as permissions
     from users_user u join ${principalView('p')} on p.id = u.id left join ${roleView('r')} on r.principal_id = u.id and r.api_id = ?
     where u.deleted_at is null and u.id = ${anyId}`,
    [apiId, JSON.stringify(ids)],
  );
  return rows.map(({ roleStaff, roleSuperuser, attributes, ...row }) => ({
    ...row,
    role: roleStaff === null ? null : { isStaff: roleStaff, isSuperuser: roleSuperuser ?? false },
    attributes: JSON.parse(attributes) as Record<string, unknown>,
  }));
}

/** Returns whether a user was deleted or has another fingerprint: `id`, `fingerprint`. */
export async function haveUsersChanged(tx: SqlEntityManager, { sql, values }: RowQuery): Promise<boolean> {
  const changed = await tx.execute<unknown[]>(
    `select 1 from (${sql}) r where not exists (select from users_user u join ${principalView('p')} on p.id = u.id
       where u.id = r.id and u.deleted_at is null and ${FINGERPRINT} = r.fingerprint) limit 1`,
    [...values],
  );
  return changed.length > 0;
}

/** Updates the planner's statistics of the table that bulk verbs write. */
export async function analyzeUsers(em: SqlEntityManager): Promise<void> {
  await analyzeTables(em, 'users_user');
}
