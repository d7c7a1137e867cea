import type { SqlEntityManager } from '@mikro-orm/sql';
import { type PermissionRef, type PermSource, principalsWithPerm, readPermSources } from '../permissions/index.ts';
import { casefoldName } from '../platform/casefold.ts';

/** Somebody for whom `has_perm` of the name is true, or would be if they were active, and why. */
export interface UserWithPerm {
  readonly id: string;
  readonly username: string;
  readonly isActive: boolean;
  readonly sources: readonly PermSource[];
}

export interface UsersWithPermOptions {
  /** Inactive users too. They have no permission; this is what they would have. */
  readonly withInactive: boolean;
  readonly withSuperusers: boolean;
  /** Those whose folded name comes after this one's. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Django's `User.objects.with_perm`, a page at a time by name: who holds a permission directly, by a group, or as a superuser. */
export async function usersWithPerm(
  em: SqlEntityManager,
  asked: PermissionRef,
  how: UsersWithPermOptions,
  now: Date,
): Promise<UserWithPerm[]> {
  const { withInactive, withSuperusers, after, limit } = how;
  const { sql, values } = principalsWithPerm(asked, now, withSuperusers);
  const rows = await em.execute<{ id: string; username: string; isActive: boolean; isSuperuser: boolean }[]>(
    `select u.id, u.username, u.is_active as "isActive", u.is_superuser as "isSuperuser" from users_user u
     where u.deleted_at is null and (u.is_active or ?) ${after === undefined ? '' : 'and u.username_key > ?'}
       and (${withSuperusers ? 'u.is_superuser or ' : ''}u.id in (${sql}))
     order by u.username_key limit ?`,
    [withInactive, ...(after === undefined ? [] : [casefoldName(after)]), ...values, limit],
  );
  const ids = rows.map((one) => one.id);
  const sources = await readPermSources(em, asked, ids, now);
  return rows.map(({ id, username, isActive, isSuperuser }) => {
    const known = sources.get(id) ?? [];
    const global = { from: 'superuser', group: null } as const;
    const isTold = !isSuperuser || known.some((one) => one.from === 'superuser');
    return { id, username, isActive, sources: isTold ? known : [...known, global] };
  });
}
