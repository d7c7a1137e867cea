import { randomBytes } from 'node:crypto';
import { argon2id, hash as hashArgon2, verify as verifyArgon2 } from 'argon2';
import { argon2Cost, argon2OverBounds } from './bounds.ts';
import { mask, readDecimal, readUnpaddedBase64, writeUnpaddedBase64 } from './fields.ts';
import type { Argon2Parameters, Hasher, Parsed } from './hasher.ts';

/**
 * The name of Signet's own hashes. It must differ from Django's `argon2`, because the two are made over different
 * bytes: Django hashes what was sent, Signet hashes NFKC of it, and nothing else in the row says which one a hash is.
 */
export const OWN_ALGORITHM = 'argon2id_nfkc';

/** RFC 9106 §3.1 recommends a salt of 16 bytes; the tag is as long as its recommended parameters (§4) have it. */
const SALT_BYTES = 16;
const TAG_BYTES = 32;

/** Below this a salt or tag is weaker than ours, so that such a hash is not kept. Older Django salted with 71 bits. */
const STRONG_BYTES = 16;

/** Version 1.3 of argon2. A string without `v=` is of version 1.0 (0x10). */
const VERSION = 0x13;
const OLD_VERSION = 0x10;

const STRING_FORMAT = /^\$(argon2(?:id?|d))(?:\$v=(16|19))?\$m=([0-9]+),t=([0-9]+),p=([0-9]+)\$([^$]+)\$([^$]+)$/;

interface Argon2String {
  readonly variety: string;
  readonly version: number;
  readonly parameters: Argon2Parameters;
  readonly salt: string;
  readonly hash: string;
  readonly isStrong: boolean;
}

/** Reads the string format of the argon2 reference implementation; null unless the library can verify it. */
function readString(text: string): Argon2String | null {
  const [, variety = '', v, m = '', t = '', p = '', salt = '', hash = ''] = STRING_FORMAT.exec(text) ?? [];
  if (variety === '') return null;
  const [memoryKiB, iterations, parallelism] = [readDecimal(m), readDecimal(t), readDecimal(p)];
  const saltBytes = readUnpaddedBase64(salt)?.length ?? 0;
  const tagBytes = readUnpaddedBase64(hash)?.length ?? 0;
  if (memoryKiB === null || iterations === null || parallelism === null) return null;
  // RFC 9106 §3.1: at least 8 blocks for each lane; the reference implementation wants a salt of 8 bytes. A tag below
  // 12 bytes (the least that the PHC string format allows) could be met by chance.
  if (memoryKiB < 8 * parallelism || saltBytes < 8 || tagBytes < 12 || tagBytes > 64) return null;
  return {
    variety,
    version: v === undefined ? OLD_VERSION : Number(v),
    parameters: { memoryKiB, iterations, parallelism },
    salt,
    hash,
    isStrong: saltBytes >= STRONG_BYTES && tagBytes >= STRONG_BYTES,
  };
}

function parsed(algorithm: string, text: string, read: Argon2String): Parsed {
  const { variety, version, parameters, salt, hash } = read;
  const overBounds = argon2OverBounds(parameters);
  return {
    algorithm,
    overBounds,
    cost: argon2Cost(parameters),
    argon2id: variety === 'argon2id' && version === VERSION && read.isStrong ? parameters : null,
    summary: () => ({
      algorithm,
      variety,
      version: String(version),
      'memory cost': String(parameters.memoryKiB),
      'time cost': String(parameters.iterations),
      parallelism: String(parameters.parallelism),
      salt: mask(salt),
      hash: mask(hash),
    }),
    async verify(password) {
      return overBounds === null && (await verifyArgon2(text, password));
    },
  };
}

/**
 * Django's `argon2$argon2id$v=19$m=…,t=…,p=…$salt$hash`: the word `argon2` and behind it the string format; argon2i
 * and argon2d too, which its older releases and other hashers of a project wrote.
 */
export const argon2: Hasher = {
  algorithm: 'argon2',
  read(encoded) {
    if (!encoded.startsWith('argon2$')) return null;
    const text = encoded.slice('argon2'.length);
    const read = readString(text);
    return read && parsed('argon2', text, read);
  },
};

/** Signet's own `argon2id_nfkc$v=19$m=…,t=…,p=…$salt$hash`, to be verified over the UTF-8 bytes of NFKC(password). */
export const argon2idNfkc: Hasher = {
  algorithm: OWN_ALGORITHM,
  read(encoded) {
    if (!encoded.startsWith(`${OWN_ALGORITHM}$v=${VERSION}$`)) return null;
    const text = `$argon2id${encoded.slice(OWN_ALGORITHM.length)}`;
    const read = readString(text);
    return read && parsed(OWN_ALGORITHM, text, read);
  },
};

/**
 * A new hash in Signet's own form, with a new salt. The caller answers for the bytes being NFKC and the cost in bounds.
 */
export async function encodeArgon2idNfkc(password: Buffer, parameters: Argon2Parameters): Promise<string> {
  const { memoryKiB, iterations, parallelism } = parameters;
  const salt = randomBytes(SALT_BYTES);
  const tag = await hashArgon2(password, {
    raw: true,
    type: argon2id,
    version: VERSION,
    salt,
    hashLength: TAG_BYTES,
    memoryCost: memoryKiB,
    timeCost: iterations,
    parallelism,
  });
  const cost = `m=${memoryKiB},t=${iterations},p=${parallelism}`;
  return `${OWN_ALGORITHM}$v=${VERSION}$${cost}$${writeUnpaddedBase64(salt)}$${writeUnpaddedBase64(tag)}`;
}
