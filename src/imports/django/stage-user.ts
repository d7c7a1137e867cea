import type { Planning } from './planning.ts';
import type { PresentUser } from './present.ts';
import type { UserChange } from './update-user.ts';

/** The row of a change, and whom it reaches. */
export function stageUserChange(
  planning: Planning,
  here: PresentUser,
  key: string,
  digest: string,
  change: UserChange,
  isAudited: boolean,
): void {
  const { report, rows, names, effects } = planning;
  const { set, role, groupsGained, groupsLost, permissionsGained, permissionsLost, remembered } = change;
  for (const name of [...permissionsGained, ...permissionsLost]) names.add(name);
  report.added.memberships += groupsGained.length;
  report.added.userPermissions += permissionsGained.length;
  const origin = { import: report.importId, source: report.api };
  const row = {
    id: here.id,
    key,
    label: typeof set['username'] === 'string' ? set['username'] : here.username,
    digest,
    imported: remembered,
    fingerprint: here.fingerprint,
    ...{ set, role, groupsGained, groupsLost, permissionsGained, permissionsLost, isAudited },
    before: change.before,
    after: { ...origin, ...change.after },
  };
  rows.push({ kind: 'old-user', row });
  const gave = (flag: string) => set[flag] === true;
  const took = (flag: string) => set[flag] === false;
  if (took('isActive')) effects.deactivated.push(here.id);
  if ('password' in set) effects.newPasswords.push(here.id);
  if (groupsLost.length > 0 || took('isStaff') || took('isSuperuser') || 'username' in set)
    effects.less.everywhere.push(here.id);
  else if (permissionsLost.length > 0 || (role && lostRole(here, role))) effects.less.here.push(here.id);
  if (groupsGained.length > 0 || gave('isStaff') || gave('isSuperuser') || gave('isActive'))
    effects.more.everywhere.push(here.id);
  else if (permissionsGained.length > 0 || role) effects.more.here.push(here.id);
}

function lostRole({ role: held }: PresentUser, role: { isStaff: boolean; isSuperuser: boolean }): boolean {
  return (held?.isStaff === true && !role.isStaff) || (held?.isSuperuser === true && !role.isSuperuser);
}
