import type { GuardedFetch } from '../../platform/fetch/index.ts';
import { createLru } from '../../platform/lru.ts';

/** Asks an address that a client named for a document; refuses addresses that nobody outside should name. */
export type FetchJson = (url: string) => Promise<unknown>;

/** The keys that clients publish themselves (OIDC Registration §2 `jwks_uri`), kept for a while. */
export interface RemoteKeys<Key> {
  /** What is there at an address; `isEnough` says whether what is kept will do, or whether to ask anew. */
  load(clientId: string, url: string, isEnough: (keys: readonly Key[]) => boolean, now: Date): Promise<readonly Key[]>;
}

/** What is kept is believed without asking. */
const FRESH_MS = 300_000;
/** Between two requests for one client's keys, whatever strangers send in its name. */
const COOLDOWN_MS = 30_000;
/** While the address does not answer. */
const MAX_STALE_MS = 3_600_000;
/** Documents. */
const CACHE_ENTRIES = 1000;

interface CacheEntry<Key> {
  keys: readonly Key[];
  fetchedAtMs: number;
  attemptedAtMs: number;
  pending: Promise<void> | null;
}

/** `read` makes keys of a document, or throws. `failed` is told of an address that does not give any. */
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
      // Who comes meanwhile waits for the same answer.
      if (!(isFresh && isEnough(entry.keys))) await entry.pending;
      return nowMs - entry.fetchedAtMs <= MAX_STALE_MS ? entry.keys : [];
    },
  };
}

/** RFC 7517 §8.5.1; many serve it as plain JSON. */
const ACCEPT = 'application/jwk-set+json, application/json';

/** A client's key set (RFC 7517 §5), by the fetch that goes to no address that nobody outside should name. */
export function keySetFetch(fetch: GuardedFetch): FetchJson {
  return async (url) => {
    const { status, body } = await fetch({ url, accept: ACCEPT });
    if (status !== 200) throw new Error(`the address of the keys answers ${status}`);
    return JSON.parse(body.toString('utf8')) as unknown;
  };
}
