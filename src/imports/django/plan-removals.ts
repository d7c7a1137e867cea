import { readGroupIds } from './compare-user.ts';
import type { ExistingUser } from './existing.ts';
import { digests, type ImportedUser, sourceValues } from './imported-values.ts';
import { changedEntry, type PlanState } from './plan-state.ts';
import type { PreviousImport } from './previous-imports.ts';
import type { DjangoUser } from './reader/records.ts';
import { stageUserChange } from './stage-user.ts';
import { compareThreeWays, type UserChange } from './update-user.ts';

/**
 * Of a record that an earlier version imported, and that changed since, nobody can tell who changed a name or an address. What
 * Django took away is taken all the same; answers the user as it is then, the same one where nothing was taken.
 */
export function planRemovals(
  state: PlanState,
  one: DjangoUser,
  previous: PreviousImport,
  local: ExistingUser,
): ExistingUser {
  const last = lastLoggedState(state, one, local);
  const isGiven = (names: readonly string[]) => (name: string) => names.includes(name);
  // The record as it would be, had Django given nothing since.
  const reduced: DjangoUser = {
    ...one,
    isActive: one.isActive && last.isActive,
    isStaff: one.isStaff && last.isStaff,
    isSuperuser: one.isSuperuser && last.isSuperuser,
    groups: one.groups.filter((group) => readGroupIds(state, { ...one, groups: [group] }).some(isGiven(last.groups))),
    permissions: one.permissions.filter(isGiven(last.permissions)).filter((name) => state.available.has(name)),
  };
  const { change, taken } = compareThreeWays(state, reduced, local, last, false, false);
  if (!change || taken.length === 0) return local;
  state.report.takenAway.push(changedEntry(one, one.username, taken));
  stageUserChange(state, local, previous.key, previous.digest, { ...change, imported: null }, true);
  return without(local, change);
}

/**
 * What imports have given: what the edit log says; where it says nothing, all that they could have. Names and the like count as
 * they are on both sides.
 */
function lastLoggedState({ existing }: PlanState, one: DjangoUser, local: ExistingUser): ImportedUser {
  const given = existing.log.users.get(local.id);
  const texts = { source: sourceValues(one), local: digests(local), epoch: local.passwordEpoch };
  if (given) {
    const { isActive = true, isStaff = false, isSuperuser = false, flagScope = 'api', groups, permissions } = given;
    const rights = { isActive, isStaff, isSuperuser, flagScope, groups: [...groups], permissions: [...permissions] };
    return { ...texts, ...rights };
  }
  const isGlobal = !local.role && (local.own.isStaff || local.own.isSuperuser);
  return {
    ...texts,
    isActive: true,
    isStaff: true,
    isSuperuser: true,
    flagScope: isGlobal ? 'global' : 'api',
    groups: [...local.groups].filter((id) => existing.log.groupIds.has(id)),
    permissions: [...local.permissions],
  };
}

function without(local: ExistingUser, { set, role: newRole, groupsLost, permissionsLost }: UserChange): ExistingUser {
  const role = newRole ?? local.role;
  const kept = (flag: string, had: boolean) => had && set[flag] !== false;
  const own = { isStaff: kept('isStaff', local.own.isStaff), isSuperuser: kept('isSuperuser', local.own.isSuperuser) };
  return {
    ...local,
    isActive: kept('isActive', local.isActive),
    isStaff: own.isStaff || (role?.isStaff ?? false),
    isSuperuser: own.isSuperuser || (role?.isSuperuser ?? false),
    own,
    role,
    groups: new Set([...local.groups].filter((id) => !groupsLost.includes(id))),
    permissions: new Set([...local.permissions].filter((name) => !permissionsLost.includes(name))),
  };
}
