import { argon2, argon2idNfkc, encodeArgon2idNfkc, OWN_ALGORITHM } from './hashers/argon2.ts';
import { bcrypt, bcryptSha256 } from './hashers/bcrypt.ts';
import { argon2OverBounds } from './hashers/bounds.ts';
import type { Argon2Parameters, Hasher, Parsed } from './hashers/hasher.ts';
import { md5, sha1 } from './hashers/hex-digest.ts';
import { pbkdf2Sha1, pbkdf2Sha256 } from './hashers/pbkdf2.ts';
import { scrypt } from './hashers/scrypt.ts';
import { unusable } from './hashers/unusable.ts';

export { codePoints, isPasswordSized, MAX_CODE_POINTS } from './code-points.ts';
export { makeUnusable } from './hashers/unusable.ts';

/** OWASP's minimum settings of argon2id: 19 MiB, two passes, one lane. */
export const DEFAULT_ARGON2: Argon2Parameters = { memoryKiB: 19_456, iterations: 2, parallelism: 1 };

/** No hasher writes more than about 200 characters; Django's own column has 128. Longer texts are not read. */
const MAX_ENCODED_LENGTH = 512;

/** Like lone surrogates, these are in none of the formats, and PostgreSQL cannot store all of them. */
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f]/;

const HASHERS: readonly Hasher[] = [
  argon2idNfkc,
  unusable,
  pbkdf2Sha256,
  pbkdf2Sha1,
  argon2,
  bcryptSha256,
  bcrypt,
  scrypt,
  sha1,
  md5,
];

/**
 * Reads a stored password with the first hasher that recognises its format.
 *
 * @returns null for an empty, unknown or malformed text. A hash beyond the bounds has the excess in `overBounds` and
 *   verifies nothing. Never throws.
 */
export function readPassword(encoded: string): Parsed | null {
  if (encoded.length > MAX_ENCODED_LENGTH || CONTROL_CHARACTER.test(encoded) || !encoded.isWellFormed()) return null;
  for (const hasher of HASHERS) {
    const parsed = hasher.read(encoded);
    if (parsed !== null) return parsed;
  }
  return null;
}

/**
 * Returns whether any password can match a stored one: it is readable, within the bounds, and not unusable.
 */
export function isUsable(encoded: string): boolean {
  const parsed = readPassword(encoded);
  return parsed !== null && parsed.algorithm !== unusable.algorithm && parsed.overBounds === null;
}

/**
 * Hashes a new password in Signet's own format: argon2id over the UTF-8 bytes of NFKC(password), 800-63B-4 §3.1.1.2, so
 * that the composition of accents by the keyboard does not matter.
 *
 * @returns `argon2id_nfkc$v=19$m=…,t=…,p=…$salt$hash`, about 110 characters
 * @throws RangeError for parameters beyond the bounds: `readPassword` would refuse the hash, and no login would succeed
 */
export async function hashPassword(password: string, parameters: Argon2Parameters = DEFAULT_ARGON2): Promise<string> {
  const { memoryKiB, iterations, parallelism } = parameters;
  const isWhole = [memoryKiB, iterations, parallelism].every((value) => Number.isInteger(value) && value >= 1);
  if (!isWhole || memoryKiB < 8 * parallelism) {
    throw new RangeError('argon2 takes whole numbers from 1 and at least 8 KiB for each lane');
  }
  const overBounds = argon2OverBounds(parameters);
  if (overBounds !== null) throw new RangeError(`${overBounds.bound} is over ${overBounds.max}`);
  return encodeArgon2idNfkc(nfkcBytes(password), parameters);
}

/**
 * Verifies a password once, at any cost. Signet's own hashes are made of NFKC; imported hashes are made of
 * the UTF-8 bytes as sent, neither trimmed nor normalised, as in the old system.
 */
export function verifyPassword(password: string, parsed: Parsed): Promise<boolean> {
  const isOwn = parsed.algorithm === OWN_ALGORITHM;
  return parsed.verify(isOwn ? nfkcBytes(password) : Buffer.from(password, 'utf8'));
}

/**
 * Returns whether a correct password should be hashed again. Argon2id hashes, Signet's own and imported ones, stay if they have at least
 * the memory and the passes of `parameters`; lanes do not matter, because they spread the same work. Unusable passwords are
 * never replaced.
 */
export function needsUpgrade(parsed: Parsed, parameters: Argon2Parameters = DEFAULT_ARGON2): boolean {
  if (parsed.algorithm === unusable.algorithm) return false;
  const cost = parsed.argon2id;
  return cost === null || cost.memoryKiB < parameters.memoryKiB || cost.iterations < parameters.iterations;
}

function nfkcBytes(password: string): Buffer {
  return Buffer.from(password.normalize('NFKC'), 'utf8');
}
