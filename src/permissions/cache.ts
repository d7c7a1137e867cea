import type { Database } from '../platform/database/index.ts';
import { createLru, type Lru } from '../platform/lru.ts';
import { resolveAudienceKey } from './audience.ts';
import type { Rights } from './has-perm.ts';
import type { PrincipalRef } from './principal.ts';
import { type ApiSnapshot, readApi, readApiById, readRights } from './queries.ts';

/** The version of an API, read in this request; null if the API did not exist. */
export interface ApiVersion {
  readonly id: string;
  readonly version: number | null;
}

/**
 * A cache of APIs and rights per process. No TTL: a request reads the versions of its principal and its API in the one statement that it
 * needs anyway, and an entry is used only if its versions equal those.
 */
export interface PermissionCache {
  /** Returns a possibly stale entry, which says whose version to read. */
  peek(audience: string): ApiSnapshot | undefined;
  peekById(id: string): ApiSnapshot | undefined;
  /** Returns the current API of an audience, or null. Runs no statement if the cached entry has this version. */
  api(audience: string, current?: ApiVersion): Promise<ApiSnapshot | null>;
  apiById(id: string, current?: ApiVersion): Promise<ApiSnapshot | null>;
  /** Returns the rights of a principal of this version at an API. Runs no statement if they are cached. */
  rights(principal: PrincipalRef & { readonly version: number }, api: ApiSnapshot, now: Date): Promise<Rights>;
}

/** In permission names, with `ENTRY_WEIGHT` more for each entry. About 10 MB. */
const RIGHTS_LIMIT = 100_000;
const ENTRY_WEIGHT = 8;

interface CachedRights {
  readonly rights: Rights;
  readonly apiVersion: number;
}

export function createPermissionCache(db: Database, issuer: string): PermissionCache {
  // Only existing APIs are cached, so these maps are no larger than the table.
  const byKey = new Map<string, ApiSnapshot>();
  const byId = new Map<string, ApiSnapshot>();
  const rights: Lru<CachedRights> = createLru(RIGHTS_LIMIT, (entry) => entry.rights.list.length + ENTRY_WEIGHT);
  const store = (key: string, api: ApiSnapshot | null) => {
    const before = byKey.get(key);
    if (before && before.id !== api?.id) byId.delete(before.id);
    if (!api) byKey.delete(key);
    else {
      byKey.set(key, api);
      byId.set(api.id, api);
    }
    return api;
  };
  const isCurrent = (api: ApiSnapshot | undefined, current: ApiVersion | undefined): api is ApiSnapshot =>
    api !== undefined && api.id === current?.id && api.version === current.version;

  return {
    peek: (audience) => byKey.get(resolveAudienceKey(audience, issuer)),
    peekById: (id) => byId.get(id),
    async api(audience, current) {
      const key = resolveAudienceKey(audience, issuer);
      const cached = byKey.get(key);
      return isCurrent(cached, current) ? cached : store(key, await readApi(db, audience, issuer));
    },
    async apiById(id, current) {
      const cached = byId.get(id);
      if (isCurrent(cached, current)) return cached;
      const api = await readApiById(db, id);
      if (api) return store(resolveAudienceKey(api.audience, issuer), api);
      const deleted = byId.get(id);
      return deleted ? store(resolveAudienceKey(deleted.audience, issuer), null) : null;
    },
    async rights(principal, api, now) {
      const key = `${principal.id} ${api.id} ${principal.isActive} ${principal.isSuperuser}`;
      const cached = rights.get(key);
      if (
        cached &&
        cached.rights.version === principal.version &&
        cached.apiVersion === api.version &&
        now.getTime() < cached.rights.endsAtMs
      )
        return cached.rights;
      const fresh = await readRights(db, principal, api.id, now);
      // The rights of an inactive principal are not read, and no version tells when that changes.
      if (fresh.isActive) rights.set(key, { rights: fresh, apiVersion: api.version });
      return fresh;
    },
  };
}
