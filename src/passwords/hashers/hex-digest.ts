import { createHash } from 'node:crypto';
import { mask, sameBytes } from './fields.ts';
import type { Parsed } from './hasher.ts';

/**
 * One plain round of sha1 or md5 over salt and password, as both legacy families of Django store it in lower-case hex.
 */
export function readHexDigest(algorithm: 'sha1' | 'md5', salt: string, hash: string): Parsed | null {
  const digits = algorithm === 'sha1' ? 40 : 32;
  // Django compares with hexdigest(), which is lower-case: upper case has never verified there.
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
