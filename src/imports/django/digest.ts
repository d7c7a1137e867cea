import { createHash } from 'node:crypto';
import type { DjangoGroup, DjangoPermission, DjangoUser } from './reader/records.ts';

/** `made`: the import created the local object. `joined`: the record was added to an object of another source. */
export type Origin = 'made' | 'joined';

/**
 * Returns the digest of an imported user record. It covers names instead of keys, so that dumps with either kind of keys have equal digests, and
 * not the last login, which changes with every login.
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

/** Returns JSON with sorted names, independent of the order in which the database returns them. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
