/** The version of the catalogue at which rights were read, needed to read their bitmap. */
export interface CatalogueState {
  readonly version: number;
  /** SHA-256, base64url. */
  readonly hash: string;
  /** Indexes assigned so far, and bits of a bitmap. */
  readonly length: number;
}

/** The rights of a principal at one API, read at one moment. */
export interface Rights {
  /** If false, the other fields do not count (Django: an inactive user, even a superuser, has no permission). */
  readonly isActive: boolean;
  readonly isSuperuser: boolean;
  readonly isStaff: boolean;
  /** Names assigned directly or by a group; all names of the API for a superuser; empty for an inactive principal. */
  readonly permissions: ReadonlySet<string>;
  /** The same, sorted by code unit. */
  readonly list: readonly string[];
  /** The size of the list as JSON in UTF-8. */
  readonly listBytes: number;
  /** The same as bits by catalogue index, least significant bit first, base64url; all zero for a superuser, where the flag counts. */
  readonly bitmap: string;
  readonly catalogue: CatalogueState;
  /** Names of the principal's groups, of any APIs. */
  readonly groups: readonly string[];
  /** The principal's permission version at the time of reading. */
  readonly version: number;
  /** The earliest expiry of an assignment or membership, in milliseconds since 1970; Infinity if none expires. */
  readonly endsAtMs: number;
}

/** The rights of a principal as the database returns them: catalogue indexes and names of permissions. */
export type RightsData = Omit<Rights, 'permissions' | 'list' | 'listBytes' | 'bitmap'> & {
  readonly indexes: readonly number[];
  readonly names: readonly string[];
};

export function createRights({ indexes, names, ...data }: RightsData): Rights {
  const bits = new Uint8Array(Math.ceil(data.catalogue.length / 8));
  if (!data.isSuperuser)
    for (const index of indexes) bits[index >> 3] = (bits[index >> 3] as number) | (1 << (index & 7));
  const bitmap = Buffer.from(bits).toString('base64url');
  const list = names.toSorted();
  return { ...data, permissions: new Set(names), list, listBytes: Buffer.byteLength(JSON.stringify(list)), bitmap };
}

/** A permission with its index in the catalogue. */
export interface IndexedPermission {
  readonly index: number;
  readonly name: string;
}

/** Returns the rights that are among the allowed permissions, without flags. */
export function limitRights(rights: Rights, allowed: readonly IndexedPermission[]): Rights {
  const remaining = allowed.filter((one) => hasPerm(rights, one.name) && rights.permissions.has(one.name));
  return createRights({
    ...rights,
    isSuperuser: false,
    isStaff: false,
    indexes: remaining.map((one) => one.index),
    names: remaining.map((one) => one.name),
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

/** Django's `User.has_perm`: an active superuser has every permission, even unregistered names. Names are compared byte for byte. */
export function hasPerm(rights: Rights, name: string): boolean {
  if (!rights.isActive) return false;
  return rights.isSuperuser || rights.permissions.has(name);
}

/** Django's `User.has_perms`. */
export function hasPerms(rights: Rights, names: readonly string[]): boolean {
  return names.every((name) => hasPerm(rights, name));
}

/** Django's `User.has_module_perms`: true for any permission of the app. */
export function hasModulePerms(rights: Rights, app: string): boolean {
  if (!rights.isActive) return false;
  if (rights.isSuperuser) return true;
  for (const name of rights.permissions) if (name.slice(0, name.indexOf('.')) === app) return true;
  return false;
}

/** Returns `hasModulePerms` for many apps: app labels are collected once. */
export function modulePerms(rights: Rights): (app: string) => boolean {
  const labels = new Set<string>();
  for (const name of rights.permissions) labels.add(name.slice(0, name.indexOf('.')));
  return (app) => rights.isActive && (rights.isSuperuser || labels.has(app));
}

/** Django's `User.get_all_permissions`, sorted by code unit, as tokens carry them. */
export function getAllPermissions(rights: Rights): readonly string[] {
  return rights.isActive ? rights.list : [];
}
