import type { ExistingUser, Flags } from './existing-rows.ts';
import type { PlanState } from './plan-state.ts';
import type { PreviousImport } from './previous-imports.ts';
import type { UserChange } from './update-user.ts';

/** Adds the row of a user's change to the plan, and its effects. */
export function stageUserChange(
  state: PlanState,
  local: ExistingUser,
  { key, digest }: Pick<PreviousImport, 'key' | 'digest'>,
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
  const isGained = (flag: string) => set[flag] === true;
  const isLost = (flag: string) => set[flag] === false;
  if (isLost('isActive')) effects.deactivated.push(local.id);
  if ('password' in set) effects.newPasswords.push(local.id);
  if (groupsLost.length > 0 || isLost('isStaff') || isLost('isSuperuser') || 'username' in set)
    effects.removed.allApis.push(local.id);
  else if (permissionsLost.length > 0 || (role && lostRole(local, role))) effects.removed.thisApi.push(local.id);
  if (groupsGained.length > 0 || isGained('isStaff') || isGained('isSuperuser') || isGained('isActive'))
    effects.added.allApis.push(local.id);
  else if (permissionsGained.length > 0 || role) effects.added.thisApi.push(local.id);
}

function lostRole({ role: before }: ExistingUser, role: Flags): boolean {
  return (before?.isStaff === true && !role.isStaff) || (before?.isSuperuser === true && !role.isSuperuser);
}
