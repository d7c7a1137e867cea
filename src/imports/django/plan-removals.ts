import { readGroupIds } from './compare-user.ts';
import type { ExistingUser } from './existing-rows.ts';
import { digests, type ImportedUser, sourceValues } from './imported-values.ts';
import { changedEntry, type PlanState } from './plan-state.ts';
import type { PreviousImport } from './previous-imports.ts';
import type { DjangoUser } from './reader/records.ts';
import { stageUserChange } from './stage-user.ts';
import { compareThreeWays, type UserChange } from './update-user.ts';

/**
 * Plans removals for a record that an earlier version imported and that has changed since. For its other fields it is unknown whether Django or
 * Signet changed them, but rights that Django removed are removed in any case. Returns the user after that, or the same object if nothing
 * was removed.
 */
export function planRemovals(
  state: PlanState,
  one: DjangoUser,
  previous: PreviousImport,
  local: ExistingUser,
): ExistingUser {
  const last = lastLoggedState(state, one, local);
  const isIn = (names: readonly string[]) => (name: string) => names.includes(name);
  // The record without additions in Django since the last import.
  const reduced: DjangoUser = {
    ...one,
    isActive: one.isActive && last.isActive,
    isStaff: one.isStaff && last.isStaff,
    isSuperuser: one.isSuperuser && last.isSuperuser,
    groups: one.groups.filter((group) => readGroupIds(state, { ...one, groups: [group] }).some(isIn(last.groups))),
    permissions: one.permissions.filter(isIn(last.permissions)).filter((name) => state.available.has(name)),
  };
  const { change, removed } = compareThreeWays(state, reduced, local, last, { mayActivate: false, isVerified: false });
  if (!change || removed.length === 0) return local;
  state.report.takenAway.push(changedEntry(one, one.username, removed));
  stageUserChange(state, local, previous, { ...change, imported: null }, true);
  return withoutRemoved(local, change);
}

/**
 * Returns the rights that imports have assigned according to the edit log, or the maximum if the log has no entry. Names and addresses are
 * taken as they are on both sides.
 */
function lastLoggedState({ existing }: PlanState, one: DjangoUser, local: ExistingUser): ImportedUser {
  const logged = existing.log.users.get(local.id);
  const texts = { source: sourceValues(one), local: digests(local), epoch: local.passwordEpoch };
  if (logged) {
    const { isActive = true, isStaff = false, isSuperuser = false, flagScope = 'api', groups, permissions } = logged;
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

function withoutRemoved(
  local: ExistingUser,
  { set, role: newRole, groupsLost, permissionsLost }: UserChange,
): ExistingUser {
  const role = newRole ?? local.role;
  const stays = (flag: string, before: boolean) => before && set[flag] !== false;
  const own = {
    isStaff: stays('isStaff', local.own.isStaff),
    isSuperuser: stays('isSuperuser', local.own.isSuperuser),
  };
  return {
    ...local,
    isActive: stays('isActive', local.isActive),
    isStaff: own.isStaff || (role?.isStaff ?? false),
    isSuperuser: own.isSuperuser || (role?.isSuperuser ?? false),
    own,
    role,
    groups: new Set([...local.groups].filter((id) => !groupsLost.includes(id))),
    permissions: new Set([...local.permissions].filter((name) => !permissionsLost.includes(name))),
  };
}
