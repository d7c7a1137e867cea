import { createHash } from 'node:crypto';
import { mask, sameBytes } from './fields.ts';
import type { Hasher, Parsed } from './hasher.ts';

/**
 * Reads one round of sha1 or md5 over salt and password, as Django's legacy hashers store it in lower-case hex.
 */
function readHexDigest(algorithm: 'sha1' | 'md5', salt: string, hash: string): Parsed | null {
  const digits = algorithm === 'sha1' ? 40 : 32;
  // Django compares with hexdigest(), which is lower-case: upper case never verified there.
  if (hash.length !== digits || !/^[0-9a-f]+$/.test(hash)) return null;
  const expected = Buffer.from(hash, 'hex');
  return {
    algorithm,
    overBounds: null,
    cost: null,
    argon2id: null,
    summary(): Record<string, string> {
      if (salt === '') return { algorithm, hash: mask(hash, 3) };
      return { algorithm, salt: mask(salt, 2), hash: mask(hash) };
    },
    async verify(password) {
      return sameBytes(createHash(algorithm).update(salt, 'utf8').update(password).digest(), expected);
    },
  };
}

/** Django's `sha1$salt$hex`; with an empty salt it is Django's `unsalted_sha1`, `sha1$$hex`. */
export const sha1: Hasher = {
  algorithm: 'sha1',
  read(encoded) {
    const [name, salt, hash, ...rest] = encoded.split('$');
    if (name !== 'sha1' || salt === undefined || hash === undefined || rest.length > 0) return null;
    return readHexDigest('sha1', salt, hash);
  },
};

/** Django's `md5$salt$hex`, and both spellings of its `unsalted_md5`: `md5$$hex` and 32 bare hex digits. */
export const md5: Hasher = {
  algorithm: 'md5',
  read(encoded) {
    // The oldest releases of Django wrote the digest without a name before it.
    if (!encoded.includes('$')) return readHexDigest('md5', '', encoded);
    const [name, salt, hash, ...rest] = encoded.split('$');
    if (name !== 'md5' || salt === undefined || hash === undefined || rest.length > 0) return null;
    return readHexDigest('md5', salt, hash);
  },
};
