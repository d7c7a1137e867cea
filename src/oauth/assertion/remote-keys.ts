import { createLru } from '../../platform/lru.ts';

/** Asks an address that a client named for a document; refuses addresses that nobody outside should name. */
export type FetchJson = (url: string) => Promise<unknown>;

/** The keys that clients publish themselves (OIDC Registration §2 `jwks_uri`), kept for a while. */
export interface RemoteKeys<Key> {
  /** What is there at an address; `isEnough` says whether what is kept will do, or whether to ask anew. */
  of(clientId: string, url: string, isEnough: (keys: readonly Key[]) => boolean, now: Date): Promise<readonly Key[]>;
}

/** What is kept is believed without asking. */
const FRESH_MS = 300_000;
/** Between two requests for one client's keys, whatever strangers send in its name. */
const COOLDOWN_MS = 30_000;
/** While the address does not answer. */
const GOOD_FOR_MS = 3_600_000;
/** Documents. */
const KEPT = 1000;

interface Kept<Key> {
  keys: readonly Key[];
  fetchedAtMs: number;
  attemptedAtMs: number;
  underway: Promise<void> | null;
}

/** `read` makes keys of a document, or throws. `failed` is told of an address that does not give any. */
export function createRemoteKeys<Key>(
  fetchJson: FetchJson,
  read: (document: unknown) => readonly Key[],
  failed: (clientId: string, error: unknown) => void,
): RemoteKeys<Key> {
  const kept = createLru<Kept<Key>>(KEPT);

  async function ask(entry: Kept<Key>, clientId: string, url: string, nowMs: number): Promise<void> {
    try {
      entry.keys = read(await fetchJson(url));
      entry.fetchedAtMs = nowMs;
    } catch (error) {
      failed(clientId, error);
    }
  }

  return {
    async of(clientId, url, isEnough, now) {
      const nowMs = now.getTime();
      const name = JSON.stringify([clientId, url]);
      const never = Number.NEGATIVE_INFINITY;
      const entry = kept.get(name) ?? { keys: [], fetchedAtMs: never, attemptedAtMs: never, underway: null };
      kept.set(name, entry);
      const isFresh = nowMs - entry.fetchedAtMs < FRESH_MS;
      if (!(isFresh && isEnough(entry.keys)) && !entry.underway && nowMs - entry.attemptedAtMs >= COOLDOWN_MS) {
        entry.attemptedAtMs = nowMs;
        entry.underway = ask(entry, clientId, url, nowMs).finally(() => {
          entry.underway = null;
        });
      }
      // Who comes meanwhile waits for the same answer.
      if (!(isFresh && isEnough(entry.keys))) await entry.underway;
      return nowMs - entry.fetchedAtMs <= GOOD_FOR_MS ? entry.keys : [];
    },
  };
}
