import { scrypt as nodeScrypt, type ScryptOptions } from 'node:crypto';
import { over } from './bounds.ts';
import { mask, readBase64, readDecimal, sameBytes } from './fields.ts';
import type { Hasher } from './hasher.ts';

const KEY_BYTES = 64;

/** node:crypto's scrypt as a promise; `promisify` would lose the overload with options. */
function derive(password: Buffer, salt: string, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    nodeScrypt(password, salt, KEY_BYTES, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

/** RFC 7914 §2: N is a power of two above 1 and below 2^(128·r/8). */
function isWorkFactor(n: number, r: number): boolean {
  return n > 1 && Number.isInteger(Math.log2(n)) && Math.log2(n) < 16 * r;
}

/** Django 4's `scrypt$N$salt$r$p$base64` (RFC 7914). The salt is text, and the key has 64 bytes. */
export const scrypt: Hasher = {
  algorithm: 'scrypt',
  read(encoded) {
    const [name, nText = '', salt = '', rText = '', pText = '', hash = '', ...rest] = encoded.split('$');
    const [N, r, p] = [readDecimal(nText), readDecimal(rText), readDecimal(pText)];
    const expected = readBase64(hash);
    if (name !== 'scrypt' || rest.length > 0 || salt === '' || N === null || r === null || p === null) return null;
    if (!isWorkFactor(N, r) || expected?.length !== KEY_BYTES) return null;
    const overBounds = over('scryptBytes', 128 * N * r) ?? over('scryptParallelism', p);
    return {
      algorithm: 'scrypt',
      overBounds,
      cost: { unit: 'scrypt', amount: N * r * p },
      argon2id: null,
      summary: () => ({
        algorithm: 'scrypt',
        'work factor': String(N),
        'block size': String(r),
        parallelism: String(p),
        salt: mask(salt),
        hash: mask(hash),
      }),
      async verify(password) {
        if (overBounds !== null) return false;
        // OpenSSL includes the p blocks and its scratch space in the memory, and refuses more than 32 MiB by default.
        const maxmem = 128 * r * (N + p + 2);
        return sameBytes(await derive(password, salt, { N, r, p, maxmem }), expected);
      },
    };
  },
};
