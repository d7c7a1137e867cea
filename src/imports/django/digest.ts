import { createHash } from 'node:crypto';
import type { DjangoGroup, DjangoPermission, DjangoUser } from './reader/records.ts';

/** `made`: the record was created here. `joined`: it was added to something that existed under another source. */
export type Origin = 'made' | 'joined';

/**
 * What a record was when it was imported. Over names, not keys, so that both key forms of one database give the same; and
 * without the last login, which changes with every one.
 */
export function digestUser(form: Origin, user: DjangoUser): string {
  const { sourceName: username, email, firstName, lastName, password, isActive, isStaff, isSuperuser } = user;
  const { dateJoined, groups, permissions, attributes } = user;
  return digestRecord(form, {
    ...{ username, email, firstName, lastName, password, isActive, isStaff, isSuperuser, attributes },
    dateJoined: dateJoined?.toISOString() ?? null,
    groups: groups.map((one) => one.sourceName).sort(),
    permissions: [...permissions].sort(),
  });
}

export function digestGroup(form: Origin, group: DjangoGroup): string {
  return digestRecord(form, { name: group.sourceName, permissions: [...group.permissions].sort() });
}

export function digestPermission(permission: DjangoPermission): string {
  const { name, model, label } = permission;
  return digestRecord('made', { name, model, label });
}

function digestRecord(form: Origin, record: object): string {
  return createHash('sha256')
    .update(canonical([form, record]), 'utf8')
    .digest('hex');
}

/** JSON with sorted names: the same text whatever order the database gives them back in. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
