import { pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { over } from './bounds.ts';
import { mask, readBase64, readDecimal, sameBytes } from './fields.ts';
import type { Hasher } from './hasher.ts';

const derive = promisify(pbkdf2);

/**
 * Django's `algorithm$iterations$salt$base64`. The salt is used as UTF-8 text, and the key has the length of the digest.
 */
function pbkdf2Hasher(algorithm: 'pbkdf2_sha256' | 'pbkdf2_sha1', digest: string, keyBytes: number): Hasher {
  return {
    algorithm,
    read(encoded) {
      const [name, rounds = '', salt = '', hash = '', ...rest] = encoded.split('$');
      const iterations = readDecimal(rounds);
      const expected = readBase64(hash);
      if (name !== algorithm || rest.length > 0 || salt === '' || iterations === null) return null;
      if (expected?.length !== keyBytes) return null;
      const overBounds = over('pbkdf2Iterations', iterations);
      return {
        algorithm,
        overBounds,
        cost: { unit: algorithm, amount: iterations },
        argon2id: null,
        summary: () => ({ algorithm, iterations: String(iterations), salt: mask(salt), hash: mask(hash) }),
        async verify(password) {
          if (overBounds !== null) return false;
          return sameBytes(await derive(password, salt, iterations, keyBytes, digest), expected);
        },
      };
    },
  };
}

/** Django's default: PBKDF2 (RFC 8018 §5.2) with HMAC-SHA-256. */
export const pbkdf2Sha256 = pbkdf2Hasher('pbkdf2_sha256', 'sha256', 32);
/** The same with HMAC-SHA-1, which other systems use. */
export const pbkdf2Sha1 = pbkdf2Hasher('pbkdf2_sha1', 'sha1', 20);
