import type { SqlEntityManager } from '@mikro-orm/sql';
import { type PermissionRef, type PermSource, principalsWithPerm, readPermSources } from '../permissions/index.ts';
import { casefoldName } from '../platform/casefold.ts';

/** A user for whom `has_perm` is true, or would be if the user were active, with the sources of the permission. */
export interface UserWithPerm {
  readonly id: string;
  readonly username: string;
  readonly isActive: boolean;
  readonly sources: readonly PermSource[];
}

export interface UsersWithPermOptions {
  /** Includes inactive users, who would have the permission if they were active. */
  readonly withInactive: boolean;
  readonly withSuperusers: boolean;
  /** Starts after this name. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Django's `User.objects.with_perm`, a page at a time by name: users with a permission directly, by a group, or as superuser. */
export async function usersWithPerm(
  em: SqlEntityManager,
  permission: PermissionRef,
  options: UsersWithPermOptions,
  now: Date,
): Promise<UserWithPerm[]> {
  const { withInactive, withSuperusers, after, limit } = options;
  const { sql, values } = principalsWithPerm(permission, now, withSuperusers);
  const rows = await em.execute<{ id: string; username: string; isActive: boolean; isSuperuser: boolean }[]>(
    `select u.id, u.username, u.is_active as "isActive", u.is_superuser as "isSuperuser" from users_user u
     where u.deleted_at is null and (u.is_active or ?) ${after === undefined ? '' : 'and u.username_key > ?'}
       and (${withSuperusers ? 'u.is_superuser or ' : ''}u.id in (${sql}))
     order by u.username_key limit ?`,
    [withInactive, ...(after === undefined ? [] : [casefoldName(after)]), ...values, limit],
  );
  const ids = rows.map((one) => one.id);
  const sources = await readPermSources(em, permission, ids, now);
  return rows.map(({ id, username, isActive, isSuperuser }) => {
    const own = sources.get(id) ?? [];
    const global = { from: 'superuser', group: null } as const;
    const isComplete = !isSuperuser || own.some((one) => one.from === 'superuser');
    return { id, username, isActive, sources: isComplete ? own : [...own, global] };
  });
}
