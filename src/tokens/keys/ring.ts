import { type PublicDocument, publicDocument } from '../../platform/public-document.ts';
import type { Alg, OpenKey } from './signing-key.ts';

/** The keys of this process: which one signs, which ones verify, what is published. */
export interface KeyRing {
  signer(alg: Alg): OpenKey;
  find(kid: string): OpenKey | undefined;
  jwks(): PublicDocument;
  /** Reads the keys again, because another node may have made one. */
  reload(): Promise<void>;
}

export async function createKeyRing(read: () => Promise<OpenKey[]>): Promise<KeyRing> {
  let keys = new Map<string, OpenKey>();
  let published: PublicDocument = publish([]);
  const reload = async () => {
    const opened = await read();
    keys = new Map(opened.map((key) => [key.kid, key]));
    published = publish(opened);
  };
  await reload();
  return {
    signer(alg) {
      for (const key of keys.values()) if (key.alg === alg && key.state === 'current') return key;
      throw new Error(`there is no current ${alg} key`);
    },
    find: (kid) => keys.get(kid),
    jwks: () => published,
    reload,
  };
}

const order = { current: 0, next: 1, retiring: 2, gone: 3 };

/** RFC 7517: the current key of the default algorithm first, for verifiers that take the first they see. */
function publish(opened: readonly OpenKey[]): PublicDocument {
  const rank = (key: OpenKey) => order[key.state] * 2 + (key.alg === 'RS256' ? 0 : 1);
  const sorted = [...opened].sort((a, b) => rank(a) - rank(b));
  return publicDocument(Buffer.from(JSON.stringify({ keys: sorted.map((key) => key.publicJwk) })));
}
