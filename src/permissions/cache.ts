import type { Database } from '../platform/database/index.ts';
import { createLru, type Lru } from '../platform/lru.ts';
import { keyOfAudience } from './audience.ts';
import type { Rights } from './has-perm.ts';
import type { PrincipalRef } from './principal.ts';
import { type ApiSnapshot, readApi, readApiById, readRights } from './queries.ts';

/** An API's version, as a statement of this request saw it; null when it was gone. */
export interface ApiVersion {
  readonly id: string;
  readonly version: number | null;
}

/**
 * What a process keeps of APIs and rights between requests. Nothing of it is believed by its age: a request reads the versions
 * of its principal and its API, in the one statement that it needs anyway, and what is kept counts only at exactly those.
 */
export interface PermissionCache {
  /** Perhaps stale: for asking after the version of the right API. */
  peek(audience: string): ApiSnapshot | undefined;
  peekById(id: string): ApiSnapshot | undefined;
  /** The API of an audience as of now, without a statement when `seen` is what is kept. Null when there is none. */
  api(audience: string, seen?: ApiVersion): Promise<ApiSnapshot | null>;
  apiById(id: string, seen?: ApiVersion): Promise<ApiSnapshot | null>;
  /** What a principal of this version may do at an API, without a statement when that is kept. */
  rights(who: PrincipalRef & { readonly version: number }, api: ApiSnapshot, now: Date): Promise<Rights>;
}

/** In names of permissions; an entry counts as a few more. Some 10 MB. */
const RIGHTS_LIMIT = 100_000;
const ENTRY_WEIGHT = 8;

interface KeptRights {
  readonly rights: Rights;
  readonly apiVersion: number;
}

export function createPermissionCache(db: Database, issuer: string): PermissionCache {
  // Only what exists is kept, so these are as many as there are APIs.
  const byKey = new Map<string, ApiSnapshot>();
  const byId = new Map<string, ApiSnapshot>();
  const rights: Lru<KeptRights> = createLru(RIGHTS_LIMIT, (kept) => kept.rights.list.length + ENTRY_WEIGHT);
  const keep = (key: string, api: ApiSnapshot | null) => {
    const before = byKey.get(key);
    if (before && before.id !== api?.id) byId.delete(before.id);
    if (!api) byKey.delete(key);
    else {
      byKey.set(key, api);
      byId.set(api.id, api);
    }
    return api;
  };
  const isSeen = (api: ApiSnapshot | undefined, seen: ApiVersion | undefined): api is ApiSnapshot =>
    api !== undefined && api.id === seen?.id && api.version === seen.version;

  return {
    peek: (audience) => byKey.get(keyOfAudience(audience, issuer)),
    peekById: (id) => byId.get(id),
    async api(audience, seen) {
      const key = keyOfAudience(audience, issuer);
      const kept = byKey.get(key);
      return isSeen(kept, seen) ? kept : keep(key, await readApi(db, audience, issuer));
    },
    async apiById(id, seen) {
      const kept = byId.get(id);
      if (isSeen(kept, seen)) return kept;
      const api = await readApiById(db, id);
      if (api) return keep(keyOfAudience(api.audience, issuer), api);
      const gone = byId.get(id);
      return gone ? keep(keyOfAudience(gone.audience, issuer), null) : null;
    },
    async rights(who, api, now) {
      const key = `${who.id} ${api.id} ${who.isActive} ${who.isSuperuser}`;
      const kept = rights.get(key);
      if (
        kept &&
        kept.rights.version === who.version &&
        kept.apiVersion === api.version &&
        now.getTime() < kept.rights.endsAtMs
      )
        return kept.rights;
      const read = await readRights(db, who, api.id, now);
      // Inactive: nothing was read, and no version says when that changes.
      if (read.isActive) rights.set(key, { rights: read, apiVersion: api.version });
      return read;
    },
  };
}
