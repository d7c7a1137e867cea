import type { KeyObject } from 'node:crypto';
import { type PublicDocument, publicDocument } from '../../platform/digest.ts';
import { NotReady } from '../../platform/errors.ts';
import type { Alg, OpenKey, OpenKeys } from './signing-key.ts';

/** The keys of this process, for signing, verifying and publishing. */
export interface KeyRing {
  signer(alg: Alg): OpenKey;
  find(kid: string): OpenKey | undefined;
  /** Every published key. */
  all(): OpenKey[];
  jwks(): PublicDocument;
  /** The key that seals and opens opaque tokens. */
  opaqueKey(): KeyObject;
  /** Reads the keys again, after another process changed them. */
  reload(): Promise<void>;
  /**
   * Reads the keys again for a token whose key is not loaded, because another process may have made it a moment ago; at
   * most once a second, however many such tokens arrive. Returns whether the key is loaded then.
   */
  loadMissing(kid: string): Promise<boolean>;
}

/** Minimum time between two such reads. */
const RELOAD_INTERVAL_MS = 1000;

type Keys = ReadonlyMap<string, OpenKey>;

/**
 * Loads the keys. `read` receives the keys that are open already. On a reload, `onFailure` receives the error for keys
 * that cannot be opened, and the others are used: after `keys rewrap` a server continues with its open keys until it is
 * started with the new master key.
 */
export async function createKeyRing(
  read: (open: Keys) => Promise<OpenKeys>,
  onFailure: (error: Error) => void = () => {},
): Promise<KeyRing> {
  let keys: Keys = new Map();
  let currentKeys: ReadonlyMap<Alg, OpenKey> = new Map();
  let jwksDocument: PublicDocument = buildJwks([]);
  let opaqueKey: KeyObject;
  let loadedMissingAt = Number.NEGATIVE_INFINITY;
  const reload = async () => {
    const { opened, failure, ...loaded } = await read(keys);
    if (failure && keys.size === 0) throw failure;
    if (failure) onFailure(failure);
    keys = new Map(opened.map((key) => [key.kid, key]));
    currentKeys = currentSigners(opened);
    jwksDocument = buildJwks(opened);
    opaqueKey = loaded.opaqueKey;
  };
  await reload();
  return {
    signer(alg) {
      const key = currentKeys.get(alg);
      if (!key) throw new NotReady(`no ${alg} key yet: a running server makes one within seconds`);
      return key;
    },
    find: (kid) => keys.get(kid),
    all: () => [...keys.values()],
    jwks: () => jwksDocument,
    opaqueKey: () => opaqueKey,
    reload,
    async loadMissing(kid) {
      const now = performance.now();
      if (keys.has(kid)) return true;
      if (now - loadedMissingAt < RELOAD_INTERVAL_MS) return false;
      loadedMissingAt = now;
      await reload();
      return keys.has(kid);
    },
  };
}

/**
 * Returns the signing key of each algorithm: the current one, or else the last one that retired. That one is published
 * for long enough, and a request may still be running.
 */
function currentSigners(opened: readonly OpenKey[]): Map<Alg, OpenKey> {
  const signers = new Map<Alg, OpenKey>();
  const retiring = opened
    .filter((key) => key.state === 'retiring')
    .sort((a, b) => (a.retireAt?.getTime() ?? 0) - (b.retireAt?.getTime() ?? 0));
  for (const key of [...retiring, ...opened.filter((one) => one.state === 'current')]) signers.set(key.alg, key);
  return signers;
}

const order = { current: 0, next: 1, retiring: 2, gone: 3 };

/** The current key of the default algorithm first, for verifiers that use the first key of a set (RFC 7517 §5). */
function buildJwks(opened: readonly OpenKey[]): PublicDocument {
  const rank = (key: OpenKey) => order[key.state] * 2 + (key.alg === 'RS256' ? 0 : 1);
  const sorted = [...opened].sort((a, b) => rank(a) - rank(b));
  return publicDocument(Buffer.from(JSON.stringify({ keys: sorted.map((key) => key.publicJwk) })));
}
