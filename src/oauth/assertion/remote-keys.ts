import type { GuardedFetch } from '../../platform/fetch/index.ts';
import { createLru } from '../../platform/lru.ts';

/** Fetches a JSON document from a client's URL; refuses internal addresses. */
export type FetchJson = (url: string) => Promise<unknown>;

/** A cache of the keys that clients publish (OIDC Registration §2 `jwks_uri`). */
export interface RemoteKeys<Key> {
  /** Returns the keys at a URL. `isEnough` decides whether cached keys are sufficient, or whether to fetch again. */
  load(clientId: string, url: string, isEnough: (keys: readonly Key[]) => boolean, now: Date): Promise<readonly Key[]>;
}

/** Cached keys are used without a fetch for this long. */
const FRESH_MS = 300_000;
/** Minimum time between two fetches for one client, whatever requests arrive in its name. */
const COOLDOWN_MS = 30_000;
/** How long cached keys are used while the URL fails. */
const MAX_STALE_MS = 3_600_000;
/** Key sets in the cache. */
const CACHE_ENTRIES = 1000;

interface CacheEntry<Key> {
  keys: readonly Key[];
  fetchedAtMs: number;
  attemptedAtMs: number;
  pending: Promise<void> | null;
}

/** `read` converts a document to keys, or throws. `onFailure` is called when a URL yields no keys. */
export function createRemoteKeys<Key>(
  fetchJson: FetchJson,
  read: (document: unknown) => readonly Key[],
  onFailure: (clientId: string, error: unknown) => void,
): RemoteKeys<Key> {
  const cache = createLru<CacheEntry<Key>>(CACHE_ENTRIES);

  async function refresh(entry: CacheEntry<Key>, clientId: string, url: string, nowMs: number): Promise<void> {
    try {
      entry.keys = read(await fetchJson(url));
      entry.fetchedAtMs = nowMs;
    } catch (error) {
      onFailure(clientId, error);
    }
  }

  return {
    async load(clientId, url, isEnough, now) {
      const nowMs = now.getTime();
      const name = JSON.stringify([clientId, url]);
      const never = Number.NEGATIVE_INFINITY;
      const entry = cache.get(name) ?? { keys: [], fetchedAtMs: never, attemptedAtMs: never, pending: null };
      cache.set(name, entry);
      const isFresh = nowMs - entry.fetchedAtMs < FRESH_MS;
      if (!(isFresh && isEnough(entry.keys)) && !entry.pending && nowMs - entry.attemptedAtMs >= COOLDOWN_MS) {
        entry.attemptedAtMs = nowMs;
        entry.pending = refresh(entry, clientId, url, nowMs).finally(() => {
          entry.pending = null;
        });
      }
      // Concurrent requests wait for the same fetch.
      if (!(isFresh && isEnough(entry.keys))) await entry.pending;
      return nowMs - entry.fetchedAtMs <= MAX_STALE_MS ? entry.keys : [];
    },
  };
}

/** RFC 7517 §8.5.1; many servers send plain JSON. */
const ACCEPT = 'application/jwk-set+json, application/json';

/** Fetches a client's key set (RFC 7517 §5) through the guarded fetch, which refuses internal addresses. */
export function keySetFetch(fetch: GuardedFetch): FetchJson {
  return async (url) => {
    const { status, body } = await fetch({ url, accept: ACCEPT });
    if (status !== 200) throw new Error(`the address of the keys answers ${status}`);
    return JSON.parse(body.toString('utf8')) as unknown;
  };
}
