import { randomInt } from 'node:crypto';
import { argon2, argon2idNfkc, encodeArgon2idNfkc, OWN_ALGORITHM } from './hashers/argon2.ts';
import { bcrypt } from './hashers/bcrypt.ts';
import { bcryptSha256 } from './hashers/bcrypt-sha256.ts';
import { argon2OverBounds } from './hashers/bounds.ts';
import type { Argon2Parameters, Hasher, Parsed } from './hashers/hasher.ts';
import { md5 } from './hashers/md5.ts';
import { pbkdf2Sha1, pbkdf2Sha256 } from './hashers/pbkdf2.ts';
import { scrypt } from './hashers/scrypt.ts';
import { sha1 } from './hashers/sha1.ts';
import { UNUSABLE_PREFIX, unusable } from './hashers/unusable.ts';

export { codePoints, isPasswordSized, MAX_CODE_POINTS } from './code-points.ts';

/** The least of OWASP's argon2id settings: 19 MiB, two passes, one lane. */
export const DEFAULT_ARGON2: Argon2Parameters = { memoryKiB: 19_456, iterations: 2, parallelism: 1 };

/** No family writes more than about 200 characters; Django's own column holds 128. Longer texts are not read at all. */
const MAX_ENCODED_LENGTH = 512;

/** Like half surrogates, these stand in none of the forms, and PostgreSQL could not store all of them. */
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f]/;

const UNUSABLE_ALPHABET = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const UNUSABLE_LENGTH = 40;

const CHAIN: readonly Hasher[] = [
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
 * Reads a stored password: the first family that knows the form.
 *
 * @returns null for an empty, unknown or malformed text; a hash beyond the bounds is read, says so in `overBounds`, and
 *   verifies nothing. Never throws.
 */
export function readPassword(encoded: string): Parsed | null {
  if (encoded.length > MAX_ENCODED_LENGTH || CONTROL_CHARACTER.test(encoded) || !encoded.isWellFormed()) return null;
  for (const hasher of CHAIN) {
    const parsed = hasher.read(encoded);
    if (parsed !== null) return parsed;
  }
  return null;
}

/**
 * Whether some password could ever be right for this stored one: it reads, is within the bounds, and is not unusable.
 */
export function isUsable(encoded: string): boolean {
  const parsed = readPassword(encoded);
  return parsed !== null && parsed.algorithm !== unusable.algorithm && parsed.overBounds === null;
}

/**
 * A password that nobody can log in with: `!` and 40 random characters, so that no two users share one (as Django's).
 */
export function makeUnusable(): string {
  let text = UNUSABLE_PREFIX;
  for (let i = 0; i < UNUSABLE_LENGTH; i += 1) text += UNUSABLE_ALPHABET.charAt(randomInt(UNUSABLE_ALPHABET.length));
  return text;
}

/**
 * Hashes a new password in Signet's own form: argon2id over the UTF-8 bytes of NFKC(password), 800-63B-4 §3.1.1.2, so
 * that it does not matter which keyboard composes the accents.
 *
 * @returns `argon2id_nfkc$v=19$m=…,t=…,p=…$salt$hash`, about 110 characters
 * @throws RangeError for parameters that `readPassword` would refuse afterwards: nobody could log in with such a hash
 */
export async function hashPassword(password: string, parameters: Argon2Parameters = DEFAULT_ARGON2): Promise<string> {
  const { memoryKiB, iterations, parallelism } = parameters;
  const isWhole = [memoryKiB, iterations, parallelism].every((value) => Number.isInteger(value) && value >= 1);
  if (!isWhole || memoryKiB < 8 * parallelism) {
    throw new RangeError('argon2 takes whole numbers from 1 and at least 8 KiB for each lane');
  }
  const overBounds = argon2OverBounds(parameters);
  if (overBounds !== null) throw new RangeError(overBounds);
  return encodeArgon2idNfkc(nfkcBytes(password), parameters);
}

/**
 * Whether this is the password: one verification, whatever it costs. Signet's own hashes are over NFKC; an imported one
 * is over the UTF-8 bytes as sent, neither trimmed nor normalised, because that is what the old system hashed.
 */
export function verifyPassword(password: string, parsed: Parsed): Promise<boolean> {
  const isOwn = parsed.algorithm === OWN_ALGORITHM;
  return parsed.verify(isOwn ? nfkcBytes(password) : Buffer.from(password, 'utf8'));
}

/**
 * Whether a right password should be hashed anew. Kept is argon2id, our own or imported, that costs at least as much
 * memory and as many passes as `parameters`; its lanes do not matter, they spread the same work. An unusable one is
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
