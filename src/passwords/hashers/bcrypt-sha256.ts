import { createHash } from 'node:crypto';
import { readBcrypt } from './bcrypt.ts';
import type { Hasher } from './hasher.ts';

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
