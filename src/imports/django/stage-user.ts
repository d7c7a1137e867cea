import type { ExistingUser } from './existing.ts';
import type { PlanState } from './plan-state.ts';
import type { UserChange } from './update-user.ts';

/** The row of a change, and whom it reaches. */
export function stageUserChange(
  state: PlanState,
  local: ExistingUser,
  key: string,
  digest: string,
  change: UserChange,
  isAudited: boolean,
): void {
  const { report, rows, names, effects } = state;
  const { set, role, groupsGained, groupsLost, permissionsGained, permissionsLost, imported } = change;
  for (const name of [...permissionsGained, ...permissionsLost]) names.add(name);
  report.added.memberships += groupsGained.length;
  report.added.userPermissions += permissionsGained.length;
  const origin = { import: report.importId, source: report.api };
  const row = {
    id: local.id,
    key,
    label: typeof set['username'] === 'string' ? set['username'] : local.username,
    digest,
    imported,
    fingerprint: local.fingerprint,
    ...{ set, role, groupsGained, groupsLost, permissionsGained, permissionsLost, isAudited },
    before: change.before,
    after: { ...origin, ...change.after },
  };
  rows.push({ kind: 'old-user', row });
  const gave = (flag: string) => set[flag] === true;
  const took = (flag: string) => set[flag] === false;
  if (took('isActive')) effects.deactivated.push(local.id);
  if ('password' in set) effects.newPasswords.push(local.id);
  if (groupsLost.length > 0 || took('isStaff') || took('isSuperuser') || 'username' in set)
    effects.removed.allApis.push(local.id);
  else if (permissionsLost.length > 0 || (role && lostRole(local, role))) effects.removed.thisApi.push(local.id);
  if (groupsGained.length > 0 || gave('isStaff') || gave('isSuperuser') || gave('isActive'))
    effects.added.allApis.push(local.id);
  else if (permissionsGained.length > 0 || role) effects.added.thisApi.push(local.id);
}

function lostRole({ role: held }: ExistingUser, role: { isStaff: boolean; isSuperuser: boolean }): boolean {
  return (held?.isStaff === true && !role.isStaff) || (held?.isSuperuser === true && !role.isSuperuser);
}
