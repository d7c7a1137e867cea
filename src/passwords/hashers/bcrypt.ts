import { verify as verifyBcrypt } from '@node-rs/bcrypt';
import { BOUNDS, over } from './bounds.ts';
import { mask } from './fields.ts';
import type { Hasher, Parsed } from './hasher.ts';

// `2x` marks hashes of an implementation with a known fault (crypt_blowfish before 1.1); no release of Django wrote it.
const CRYPT_FORMAT = /^\$2[aby]\$([0-9]{2})\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/;

/**
 * Reads `algorithm$` and behind it the crypt form `$2b$12$…` with 22 characters of salt and 31 of checksum.
 *
 * @param prepare what becomes of the password's bytes before bcrypt sees them
 */
export function readBcrypt(
  encoded: string,
  algorithm: string,
  prepare: (password: Buffer) => Uint8Array,
): Parsed | null {
  if (!encoded.startsWith(`${algorithm}$`)) return null;
  const crypt = encoded.slice(algorithm.length + 1);
  const [, costText = '', salt = '', checksum = ''] = CRYPT_FORMAT.exec(crypt) ?? [];
  const cost = Number(costText);
  if (costText === '' || cost < 4 || cost > 31) return null;
  const overBounds = over('bcrypt cost', cost, BOUNDS.bcryptCost);
  return {
    algorithm,
    overBounds,
    cost: { unit: 'bcrypt', amount: 2 ** cost },
    argon2id: null,
    summary: () => ({ algorithm, 'work factor': String(cost), salt: mask(salt), checksum: mask(checksum) }),
    async verify(password) {
      return overBounds === null && (await verifyBcrypt(prepare(password), crypt));
    },
  };
}

/**
 * Django's `bcrypt$$2b$12$…`. bcrypt itself looks at the first 72 bytes only, and so did every login at the old Django:
 * what was truncated there must be truncated here. A NUL byte is a byte like any other.
 */
export const bcrypt: Hasher = {
  algorithm: 'bcrypt',
  read: (encoded) => readBcrypt(encoded, 'bcrypt', (password) => password),
};
