/** The catalogue as it was when rights were read: what a bitmap of them is read with. */
export interface CatalogueState {
  readonly version: number;
  /** SHA-256, base64url. */
  readonly hash: string;
  /** Indexes given so far; a bitmap has so many bits. */
  readonly length: number;
}

/** What a principal may do at one API, as read at one moment. */
export interface Rights {
  /** False: none of the rest counts (Django: an inactive user has no permission, a superuser included). */
  readonly isActive: boolean;
  readonly isSuperuser: boolean;
  readonly isStaff: boolean;
  /** Names held directly or by a group; all of the API's for a superuser; none for an inactive principal. */
  readonly permissions: ReadonlySet<string>;
  /** The same, sorted by code unit. */
  readonly list: readonly string[];
  /** Of the list as JSON, in UTF-8. */
  readonly listBytes: number;
  /** The same as bits by catalogue index, least significant first, base64url; none for a superuser, who is the flag. */
  readonly bitmap: string;
  readonly catalogue: CatalogueState;
  /** Names of the groups that the principal is in, of any APIs. */
  readonly groups: readonly string[];
  /** The principal's permission version that this was read at. */
  readonly version: number;
  /** When something of it ends by itself, in milliseconds; Infinity when nothing does. */
  readonly endsAtMs: number;
}

/** What was read of a principal's rights: permissions by their places in the catalogue, with their names. */
export type ReadRights = Omit<Rights, 'permissions' | 'list' | 'listBytes' | 'bitmap'> & {
  readonly indexes: readonly number[];
  readonly names: readonly string[];
};

export function createRights({ indexes, names, ...read }: ReadRights): Rights {
  const bits = new Uint8Array(Math.ceil(read.catalogue.length / 8));
  if (!read.isSuperuser)
    for (const index of indexes) bits[index >> 3] = (bits[index >> 3] as number) | (1 << (index & 7));
  const bitmap = Buffer.from(bits).toString('base64url');
  const list = names.toSorted();
  return { ...read, permissions: new Set(names), list, listBytes: Buffer.byteLength(JSON.stringify(list)), bitmap };
}

/** A permission by its place in the catalogue. */
export interface PlacedPermission {
  readonly index: number;
  readonly name: string;
}

/** What is left of somebody's rights when no more than this may be used of them: never a flag. */
export function limitRights(rights: Rights, allowed: readonly PlacedPermission[]): Rights {
  const left = allowed.filter((one) => hasPerm(rights, one.name) && rights.permissions.has(one.name));
  return createRights({
    ...rights,
    isSuperuser: false,
    isStaff: false,
    indexes: left.map((one) => one.index),
    names: left.map((one) => one.name),
  });
}

export const noRights: Rights = createRights({
  isActive: false,
  isSuperuser: false,
  isStaff: false,
  indexes: [],
  names: [],
  catalogue: { version: 0, hash: '', length: 0 },
  groups: [],
  version: 0,
  endsAtMs: Number.POSITIVE_INFINITY,
});

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
export function getAllPermissions(rights: Rights): readonly string[] {
  return rights.isActive ? rights.list : [];
}
