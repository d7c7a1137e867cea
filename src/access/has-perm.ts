/** What a principal may do at one API, as read at one moment. */
export interface Rights {
  /** False: none of the rest counts (Django: an inactive user has no permission, a superuser included). */
  readonly isActive: boolean;
  readonly isSuperuser: boolean;
  readonly isStaff: boolean;
  /** Names held directly or by a group; all of the API's for a superuser; none for an inactive principal. */
  readonly permissions: ReadonlySet<string>;
  /** The principal's permission version that this was read at. */
  readonly version: number;
}

export const noRights: Rights = {
  isActive: false,
  isSuperuser: false,
  isStaff: false,
  permissions: new Set(),
  version: 0,
};

/** Django's `User.has_perm`: an active superuser has every permission, names that nobody registered too. Compared byte for byte. */
export function hasPerm(rights: Rights, name: string): boolean {
  if (!rights.isActive) return false;
  return rights.isSuperuser || rights.permissions.has(name);
}

/** Django's `User.has_perms`: all of them. */
export function hasPerms(rights: Rights, names: readonly string[]): boolean {
  return names.every((name) => hasPerm(rights, name));
}

/** Django's `User.has_module_perms`: any permission of the app. */
export function hasModulePerms(rights: Rights, app: string): boolean {
  if (!rights.isActive) return false;
  if (rights.isSuperuser) return true;
  for (const name of rights.permissions) if (name.slice(0, name.indexOf('.')) === app) return true;
  return false;
}

/** The same question for many apps: the labels are gathered once. */
export function modulePerms(rights: Rights): (app: string) => boolean {
  const labels = new Set<string>();
  for (const name of rights.permissions) labels.add(name.slice(0, name.indexOf('.')));
  return (app) => rights.isActive && (rights.isSuperuser || labels.has(app));
}

/** Django's `User.get_all_permissions`, sorted by code unit, as tokens carry them. */
export function getAllPermissions(rights: Rights): string[] {
  return rights.isActive ? [...rights.permissions].sort() : [];
}
