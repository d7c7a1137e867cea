import type { KeyObject } from 'node:crypto';
import { type PublicDocument, publicDocument } from '../../platform/digest.ts';
import { NotReady } from '../../platform/errors.ts';
import type { Alg, OpenKey, OpenKeys } from './signing-key.ts';

/** The keys of this process: which one signs, which ones verify, what is published. */
export interface KeyRing {
  signer(alg: Alg): OpenKey;
  find(kid: string): OpenKey | undefined;
  /** Every key that is published. */
  all(): OpenKey[];
  jwks(): PublicDocument;
  /** Seals and opens opaque tokens. */
  opaqueKey(): KeyObject;
  /** Reads the keys again, because some process has changed them. */
  reload(): Promise<void>;
  /**
   * A token names a key that is not here: another process may have made it a moment ago. Reads the keys again, at most once in a while
   * however many such tokens come; true when the key is here then.
   */
  loadMissing(kid: string): Promise<boolean>;
}

/** Between two readings of the keys because of an unknown one. */
const RELOAD_INTERVAL_MS = 1000;

type Keys = ReadonlyMap<string, OpenKey>;

/**
 * `read` is given the keys that are open already. On a reload, keys that cannot be opened are told by `refused`, and the rest is
 * taken: after `keys rewrap` a server goes on with what it has until it is started with the new master key.
 */
export async function createKeyRing(
  read: (open: Keys) => Promise<OpenKeys>,
  onFailure: (error: Error) => void = () => {},
): Promise<KeyRing> {
  let keys: Keys = new Map();
  let signers: ReadonlyMap<Alg, OpenKey> = new Map();
  let published: PublicDocument = buildJwks([]);
  let opaqueKey: KeyObject;
  let loadedMissingAt = Number.NEGATIVE_INFINITY;
  const reload = async () => {
    const { opened, failure, ...given } = await read(keys);
    if (failure && keys.size === 0) throw failure;
    if (failure) onFailure(failure);
    keys = new Map(opened.map((key) => [key.kid, key]));
    signers = currentSigners(opened);
    published = buildJwks(opened);
    opaqueKey = given.opaqueKey;
  };
  await reload();
  return {
    signer(alg) {
      const key = signers.get(alg);
      if (!key) throw new NotReady(`There is no ${alg} key yet; a running server makes it within seconds.`);
      return key;
    },
    find: (kid) => keys.get(kid),
    all: () => [...keys.values()],
    jwks: () => published,
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
 * The current key of each algorithm. Where there is none, because nobody asks for the algorithm any more, the one that was: it is
 * published for long enough, and a request may still be under way.
 */
function currentSigners(opened: readonly OpenKey[]): Map<Alg, OpenKey> {
  const signers = new Map<Alg, OpenKey>();
  const last = opened
    .filter((key) => key.state === 'retiring')
    .sort((a, b) => (a.retireAt?.getTime() ?? 0) - (b.retireAt?.getTime() ?? 0));
  for (const key of [...last, ...opened.filter((one) => one.state === 'current')]) signers.set(key.alg, key);
  return signers;
}

const order = { current: 0, next: 1, retiring: 2, gone: 3 };

/** RFC 7517: the current key of the default algorithm first, for verifiers that take the first they see. */
function buildJwks(opened: readonly OpenKey[]): PublicDocument {
  const rank = (key: OpenKey) => order[key.state] * 2 + (key.alg === 'RS256' ? 0 : 1);
  const sorted = [...opened].sort((a, b) => rank(a) - rank(b));
  return publicDocument(Buffer.from(JSON.stringify({ keys: sorted.map((key) => key.publicJwk) })));
}
