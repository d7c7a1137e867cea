import type { ReadBitmap } from './catalogue.ts';
import type { TokenClaims } from './claims.ts';

/** How the permissions of one token are asked for. Nothing here allocates, except `names`. */
export interface Permissions {
  has(name: string): boolean;
  hasModule(app: string): boolean;
  names(): string[];
}

export function listed(names: readonly string[]): Permissions {
  const set = new Set(names);
  return {
    has: (name) => set.has(name),
    hasModule(app) {
      for (let at = 0; at < names.length; at++) {
        const name = names[at] as string;
        if (name.indexOf('.') === app.length && name.startsWith(app)) return true;
      }
      return false;
    },
    names: () => [...set].sort(),
  };
}

/** Contract: bit i, least significant first, is the permission of index i; one that was removed has no name to be asked by. */
export function mapped({ bits, length, catalogue: { indexes, apps } }: ReadBitmap): Permissions {
  const isSet = (index: number) => index < length && (((bits[index >> 3] as number) >> (index & 7)) & 1) === 1;
  return {
    has(name) {
      const index = indexes.get(name);
      return index !== undefined && isSet(index);
    },
    hasModule(app) {
      const places = apps.get(app);
      if (places === undefined) return false;
      for (let at = 0; at < places.length; at++) if (isSet(places[at] as number)) return true;
      return false;
    },
    names: () => [...indexes].flatMap(([name, index]) => (isSet(index) ? [name] : [])).sort(),
  };
}

/**
 * Who a token speaks of, and what it says they may do: true when it was verified. Do not keep one longer than the request (or
 * verify again): it does not change when the token is revoked.
 */
export class User {
  /** Stable and never reused: the key to keep things by. */
  readonly id: string;
  /** Null for a client, and where the API leaves it out. For showing only: it can change. */
  readonly username: string | null;
  /** The imported primary key, where the API's tokens carry it. */
  readonly sourceId: string | number | null;
  /** The OAuth client that the token was issued to. */
  readonly clientId: string;
  /** True when the client speaks for itself, not for a person. */
  readonly isClient: boolean;
  readonly isStaff: boolean;
  /** True: `hasPerm` is true for every name, as in Django. */
  readonly isSuperuser: boolean;
  /** True when a newer token would say more: something was added. What this one says is still good. */
  readonly isSuperseded: boolean;
  /** Public id of the session; null where there is none. */
  readonly sessionId: string | null;
  /** When they logged in, in seconds since 1970. */
  readonly authTime: number | null;
  /** How, in words of RFC 8176. */
  readonly amr: readonly string[];
  readonly acr: string | null;
  readonly scope: readonly string[];
  /** When the token ends, in seconds since 1970. */
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

  /** Django's `has_perms`: all of them; true for none. */
  hasPerms(names: readonly string[]): boolean {
    for (let at = 0; at < names.length; at++) if (!this.hasPerm(names[at] as string)) return false;
    return true;
  }

  /** Django's `has_module_perms`: any permission of the app. */
  hasModulePerms(app: string): boolean {
    return this.isSuperuser || this.#permissions.hasModule(app);
  }

  /** The names that the token says, sorted by code unit; made anew at every call. A superuser's bitmap says none. */
  getAllPermissions(): string[] {
    return this.#permissions.names();
  }
}
