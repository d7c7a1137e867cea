import { readGroupIds } from './compare-user.ts';
import type { Known } from './known.ts';
import { changedEntry, type Planning } from './planning.ts';
import type { PresentUser } from './present.ts';
import type { DjangoUser } from './reader/records.ts';
import { digests, type RememberedUser, sourceValues } from './remembered.ts';
import { stageUserChange } from './stage-user.ts';
import { compareThreeWays, type UserChange } from './update-user.ts';

/**
 * Of a record that an earlier version imported, and that changed since, nobody can tell who changed a name or an address. What
 * Django took away is taken all the same; answers the user as it is then, the same one where nothing was taken.
 */
export function takeAway(planning: Planning, one: DjangoUser, before: Known, here: PresentUser): PresentUser {
  const last = lastGiven(planning, one, here);
  const isGiven = (names: readonly string[]) => (name: string) => names.includes(name);
  // The record as it would be, had Django given nothing since.
  const less: DjangoUser = {
    ...one,
    isActive: one.isActive && last.isActive,
    isStaff: one.isStaff && last.isStaff,
    isSuperuser: one.isSuperuser && last.isSuperuser,
    groups: one.groups.filter((group) =>
      readGroupIds(planning, { ...one, groups: [group] }).some(isGiven(last.groups)),
    ),
    permissions: one.permissions.filter(isGiven(last.permissions)).filter((name) => planning.available.has(name)),
  };
  const { change, taken } = compareThreeWays(planning, less, here, last, false, false);
  if (!change || taken.length === 0) return here;
  planning.report.takenAway.push(changedEntry(one, one.username, taken));
  stageUserChange(planning, here, before.key, before.digest, { ...change, remembered: null }, true);
  return without(here, change);
}

/**
 * What imports have given: what the edit log says; where it says nothing, all that they could have. Names and the like count as
 * they are on both sides.
 */
function lastGiven({ present }: Planning, one: DjangoUser, here: PresentUser): RememberedUser {
  const given = present.given.users.get(here.id);
  const texts = { source: sourceValues(one), local: digests(here), epoch: here.passwordEpoch };
  if (given) {
    const { isActive = true, isStaff = false, isSuperuser = false, flagScope = 'api', groups, permissions } = given;
    const rights = { isActive, isStaff, isSuperuser, flagScope, groups: [...groups], permissions: [...permissions] };
    return { ...texts, ...rights };
  }
  const isGlobal = !here.role && (here.own.isStaff || here.own.isSuperuser);
  return {
    ...texts,
    isActive: true,
    isStaff: true,
    isSuperuser: true,
    flagScope: isGlobal ? 'global' : 'api',
    groups: [...here.groups].filter((id) => present.given.groupIds.has(id)),
    permissions: [...here.permissions],
  };
}

function without(here: PresentUser, { set, role: newRole, groupsLost, permissionsLost }: UserChange): PresentUser {
  const role = newRole ?? here.role;
  const kept = (flag: string, had: boolean) => had && set[flag] !== false;
  const own = { isStaff: kept('isStaff', here.own.isStaff), isSuperuser: kept('isSuperuser', here.own.isSuperuser) };
  return {
    ...here,
    isActive: kept('isActive', here.isActive),
    isStaff: own.isStaff || (role?.isStaff ?? false),
    isSuperuser: own.isSuperuser || (role?.isSuperuser ?? false),
    own,
    role,
    groups: new Set([...here.groups].filter((id) => !groupsLost.includes(id))),
    permissions: new Set([...here.permissions].filter((name) => !permissionsLost.includes(name))),
  };
}
