import { normalizeName } from '../../platform/casefold.ts';
import { canonical } from './digest.ts';
import type { ExistingUser } from './existing-rows.ts';
import type { PlanState } from './plan-state.ts';
import type { DjangoUser } from './reader/records.ts';

/**
 * Returns the fields in which a user differs from its record. Password hashes are not compared, because logins upgrade them: a changed
 * password has another epoch than `epoch`, that of the last import. A user that was joined keeps its own fields.
 */
export function differences(
  state: PlanState,
  one: DjangoUser,
  local: ExistingUser,
  isJoined: boolean,
  epoch: number,
): string[] {
  return [...(isJoined ? [] : ownDifferences(one, local, epoch)), ...rightsDifferences(state, one, local, isJoined)];
}

function ownDifferences(one: DjangoUser, local: ExistingUser, epoch: number): string[] {
  const pairs: [string, unknown, unknown][] = [
    ['username', normalizeName(one.username), local.username],
    ['email', one.email, local.email],
    ['first_name', one.firstName, local.firstName],
    ['last_name', one.lastName, local.lastName],
    ['is_active', one.isActive, local.isActive],
    ['is_staff', one.isStaff, local.isStaff],
    ['is_superuser', one.isSuperuser, local.isSuperuser],
    ['password', epoch, local.passwordEpoch],
    ['attributes', canonical(one.attributes), canonical(local.attributes)],
  ];
  return pairs.filter(([, expected, actual]) => expected !== actual).map(([field]) => field);
}

function rightsDifferences(state: PlanState, one: DjangoUser, local: ExistingUser, isJoined: boolean): string[] {
  const groups = readGroupIds(state, one);
  const permissions = one.permissions.filter((name) => state.available.has(name));
  const differ = (expected: readonly string[], actual: ReadonlySet<string>) =>
    expected.some((value) => !actual.has(value)) || (!isJoined && actual.size !== expected.length);
  return [
    ...(differ(groups, local.groups) ? ['groups'] : []),
    ...(differ(permissions, local.permissions) ? ['user_permissions'] : []),
  ];
}

/** Returns the local ids of a record's groups. Groups without a local object are left out. */
export function readGroupIds(state: PlanState, one: DjangoUser): string[] {
  return one.groups.flatMap((group) => {
    const local = state.groups.get(group);
    return local && 'id' in local ? [local.id] : [];
  });
}
