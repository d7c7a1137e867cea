import { createHash } from 'node:crypto';
import { verify as verifyBcrypt } from '@node-rs/bcrypt';
import { over } from './bounds.ts';
import { mask } from './fields.ts';
import type { Hasher, Parsed } from './hasher.ts';

// `2x` marks hashes of a faulty implementation (crypt_blowfish before 1.1); no release of Django wrote it.
const CRYPT_FORMAT = /^\$2[aby]\$([0-9]{2})\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/;

/**
 * Reads `algorithm$`, followed by the crypt format `$2b$12$…` with 22 characters of salt and 31 of checksum.
 *
 * @param prepare converts the password's bytes before they are passed to bcrypt
 */
function readBcrypt(encoded: string, algorithm: string, prepare: (password: Buffer) => Uint8Array): Parsed | null {
  if (!encoded.startsWith(`${algorithm}$`)) return null;
  const crypt = encoded.slice(algorithm.length + 1);
  const [, costText = '', salt = '', checksum = ''] = CRYPT_FORMAT.exec(crypt) ?? [];
  const cost = Number(costText);
  if (costText === '' || cost < 4 || cost > 31) return null;
  const overBounds = over('bcryptCost', cost);
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
 * Django's `bcrypt$$2b$12$…`. bcrypt itself reads only the first 72 bytes, as did every login at the old Django, so
 * passwords must be truncated here too. A NUL byte does not end the password.
 */
export const bcrypt: Hasher = {
  algorithm: 'bcrypt',
  read: (encoded) => readBcrypt(encoded, 'bcrypt', (password) => password),
};

/**
 * Django's `bcrypt_sha256$$2b$12$…`: bcrypt over the lower-case hex SHA-256 of the password, so that nothing is
 * truncated.
 */
export const bcryptSha256: Hasher = {
  algorithm: 'bcrypt_sha256',
  read: (encoded) =>
    readBcrypt(encoded, 'bcrypt_sha256', (password) =>
      Buffer.from(createHash('sha256').update(password).digest('hex'), 'ascii'),
    ),
};
