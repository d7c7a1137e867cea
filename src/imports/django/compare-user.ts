import { normalizeName } from '../../platform/casefold.ts';
import { canonical } from './digest.ts';
import type { Planning } from './planning.ts';
import type { PresentUser } from './present.ts';
import type { DjangoUser } from './reader/records.ts';

/**
 * In which fields a user is not what the record says. The password is compared by neither: logins upgrade it; a changed one
 * is told by its epoch, which was `epoch` after the last import. A user that was joined keeps what it had of its own.
 */
export function differences(
  planning: Planning,
  one: DjangoUser,
  here: PresentUser,
  isJoined: boolean,
  epoch: number,
): string[] {
  return [...(isJoined ? [] : ownDifferences(one, here, epoch)), ...rightsDifferences(planning, one, here, isJoined)];
}

function ownDifferences(one: DjangoUser, here: PresentUser, epoch: number): string[] {
  const pairs: [string, unknown, unknown][] = [
    ['username', normalizeName(one.username), here.username],
    ['email', one.email, here.email],
    ['first_name', one.firstName, here.firstName],
    ['last_name', one.lastName, here.lastName],
    ['is_active', one.isActive, here.isActive],
    ['is_staff', one.isStaff, here.isStaff],
    ['is_superuser', one.isSuperuser, here.isSuperuser],
    ['password', epoch, here.passwordEpoch],
    ['attributes', canonical(one.attributes), canonical(here.attributes)],
  ];
  return pairs.filter(([, expected, actual]) => expected !== actual).map(([field]) => field);
}

function rightsDifferences(planning: Planning, one: DjangoUser, here: PresentUser, isJoined: boolean): string[] {
  const groups = readGroupIds(planning, one);
  const permissions = one.permissions.filter((name) => planning.available.has(name));
  const differ = (expected: readonly string[], actual: ReadonlySet<string>) =>
    expected.some((value) => !actual.has(value)) || (!isJoined && actual.size !== expected.length);
  return [
    ...(differ(groups, here.groups) ? ['groups'] : []),
    ...(differ(permissions, here.permissions) ? ['user_permissions'] : []),
  ];
}

/** Ids of those groups of a record that are something here. */
export function readGroupIds(planning: Planning, one: DjangoUser): string[] {
  return one.groups.flatMap((group) => {
    const here = planning.groups.get(group);
    return here && 'id' in here ? [here.id] : [];
  });
}
