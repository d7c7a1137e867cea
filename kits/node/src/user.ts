import type { ReadBitmap } from './catalogue.ts';
import type { TokenClaims } from './claims.ts';

/** The permissions of one token. Nothing allocates except `names`. */
export interface Permissions {
  has(name: string): boolean;
  hasModule(app: string): boolean;
  names(): string[];
}

export function listPermissions(names: readonly string[]): Permissions {
  const set = new Set(names);
  return {
    has: (name) => set.has(name),
    hasModule(app) {
      for (let position = 0; position < names.length; position++) {
        const name = names[position] as string;
        if (name.indexOf('.') === app.length && name.startsWith(app)) return true;
      }
      return false;
    },
    names: () => [...set].sort(),
  };
}

/** Bit i, least significant first, is the permission with index i; a removed permission has no name to look up. */
export function bitmapPermissions({ bits, length, catalogue: { indexes, apps } }: ReadBitmap): Permissions {
  const isSet = (index: number) => index < length && (((bits[index >> 3] as number) >> (index & 7)) & 1) === 1;
  return {
    has(name) {
      const index = indexes.get(name);
      return index !== undefined && isSet(index);
    },
    hasModule(app) {
      const appIndexes = apps.get(app);
      if (appIndexes === undefined) return false;
      for (let position = 0; position < appIndexes.length; position++)
        if (isSet(appIndexes[position] as number)) return true;
      return false;
    },
    names: () => [...indexes].flatMap(([name, index]) => (isSet(index) ? [name] : [])).sort(),
  };
}

/**
 * The user or client of a token and its rights, as of verification. Do not keep it longer than the request, because it does not change when
 * the token is revoked.
 */
export class User {
  /** Stable and never reused: use it as a foreign key. */
  readonly id: string;
  /** Null for a client, or if the API omits it. For display only: it can change. */
  readonly username: string | null;
  /** The imported primary key, if the API's tokens include it. */
  readonly sourceId: string | number | null;
  /** The OAuth client that the token was issued to. */
  readonly clientId: string;
  /** True if the token is a client's own, without a user. */
  readonly isClient: boolean;
  readonly isStaff: boolean;
  /** True: `hasPerm` is true for every name, as in Django. */
  readonly isSuperuser: boolean;
  /** True if a newer token would have more permissions; the ones of this token are still valid. */
  readonly isSuperseded: boolean;
  /** Public id of the session; null if there is none. */
  readonly sessionId: string | null;
  /** Time of the login, in seconds since 1970. */
  readonly authTime: number | null;
  /** Authentication methods as in RFC 8176. */
  readonly amr: readonly string[];
  readonly acr: string | null;
  readonly scope: readonly string[];
  /** Expiry of the token, in seconds since 1970. */
  readonly expiresAt: number;
  readonly #permissions: Permissions;

  constructor(claims: TokenClaims, permissions: Permissions, isSuperseded: boolean) {
    this.id = claims.sub;
    this.username = claims.username;
    this.sourceId = claims.sourceId;
    this.clientId = claims.clientId;
    this.isClient = claims.sub === claims.clientId;
    this.isStaff = claims.isStaff;
    this.isSuperuser = claims.isSuperuser;
    this.isSuperseded = isSuperseded;
    this.sessionId = claims.sid;
    this.authTime = claims.authTime;
    this.amr = claims.amr;
    this.acr = claims.acr;
    this.scope = claims.scope;
    this.expiresAt = claims.exp;
    this.#permissions = permissions;
  }

  /** Django's `has_perm`: `polls.add_choice`, byte for byte. Allocates nothing. */
  hasPerm(name: string): boolean {
    return this.isSuperuser || this.#permissions.has(name);
  }

  /** Django's `has_perms`: all of them; true for an empty list. */
  hasPerms(names: readonly string[]): boolean {
    for (let position = 0; position < names.length; position++)
      if (!this.hasPerm(names[position] as string)) return false;
    return true;
  }

  /** Django's `has_module_perms`: any permission of the app. */
  hasModulePerms(app: string): boolean {
    return this.isSuperuser || this.#permissions.hasModule(app);
  }

  /** The names in the token, sorted by code unit; created at every call. Empty for a superuser's bitmap. */
  getAllPermissions(): string[] {
    return this.#permissions.names();
  }
}
