import { randomBytes } from 'node:crypto';
import { ARGON2_ENGINE, type Argon2Recipe, type Argon2Variety } from './argon2-engine.ts';
import { argon2Cost, argon2OverBounds } from './bounds.ts';
import { mask, readDecimal, readUnpaddedBase64, sameBytes, writeUnpaddedBase64 } from './fields.ts';
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

/** The order of the reference implementation, of Django and of Signet, or that of the package `argon2` for Node: m, p, t. */
const STRING_FORMAT =
  /^\$(argon2d|argon2id?)(?:\$v=(16|19))?\$m=(?<m>[0-9]+),(?:t=(?<t>[0-9]+),p=(?<p>[0-9]+)|p=(?<p>[0-9]+),t=(?<t>[0-9]+))\$([^$]+)\$([^$]+)$/;

interface Argon2String extends Argon2Recipe {
  readonly tag: Buffer;
}

/** Reads the string format of the argon2 reference implementation; null unless it can be verified. */
function readString(text: string): Argon2String | null {
  const found = STRING_FORMAT.exec(text);
  if (found === null) return null;
  const [, variety, v] = found;
  const { m = '', t = '', p = '' } = found.groups ?? {};
  const [memoryKiB, iterations, parallelism] = [readDecimal(m), readDecimal(t), readDecimal(p)];
  const [salt, tag] = found.slice(-2).map((one) => readUnpaddedBase64(one ?? ''));
  if (memoryKiB === null || iterations === null || parallelism === null || !salt || !tag) return null;
  // RFC 9106 §3.1: at least 8 blocks for each lane; the reference implementation wants a salt of 8 bytes. A tag below
  // 12 bytes (the least that the PHC string format allows) could be met by chance.
  if (memoryKiB < 8 * parallelism || salt.length < 8 || tag.length < 12 || tag.length > 64) return null;
  return {
    variety: variety as Argon2Variety,
    version: v === '19' ? VERSION : OLD_VERSION,
    parameters: { memoryKiB, iterations, parallelism },
    salt,
    tag,
    tagBytes: tag.length,
  };
}

function parsed(algorithm: string, read: Argon2String): Parsed {
  const { variety, version, parameters, salt, tag } = read;
  const overBounds = argon2OverBounds(parameters);
  const isStrong = salt.length >= STRONG_BYTES && tag.length >= STRONG_BYTES;
  return {
    algorithm,
    overBounds,
    cost: argon2Cost(parameters),
    argon2id: variety === 'argon2id' && version === VERSION && isStrong ? parameters : null,
    summary: () => ({
      algorithm,
      variety,
      version: String(version),
      'memory cost': String(parameters.memoryKiB),
      'time cost': String(parameters.iterations),
      parallelism: String(parameters.parallelism),
      salt: mask(writeUnpaddedBase64(salt)),
      hash: mask(writeUnpaddedBase64(tag)),
    }),
    async verify(password) {
      return overBounds === null && sameBytes(await ARGON2_ENGINE.tag(password, read), tag);
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
    const read = readString(encoded.slice('argon2'.length));
    return read && parsed('argon2', read);
  },
};

/** Signet's own `argon2id_nfkc$v=19$m=…,t=…,p=…$salt$hash`, to be verified over the UTF-8 bytes of NFKC(password). */
export const argon2idNfkc: Hasher = {
  algorithm: OWN_ALGORITHM,
  read(encoded) {
    if (!encoded.startsWith(`${OWN_ALGORITHM}$v=${VERSION}$`)) return null;
    const read = readString(`$argon2id${encoded.slice(OWN_ALGORITHM.length)}`);
    return read && parsed(OWN_ALGORITHM, read);
  },
};

/**
 * A new hash in Signet's own form, with a new salt. The caller answers for the bytes being NFKC and the cost in bounds.
 */
export async function encodeArgon2idNfkc(password: Buffer, parameters: Argon2Parameters): Promise<string> {
  const { memoryKiB, iterations, parallelism } = parameters;
  const salt = randomBytes(SALT_BYTES);
  const recipe: Argon2Recipe = { variety: 'argon2id', version: VERSION, parameters, salt, tagBytes: TAG_BYTES };
  const tag = await ARGON2_ENGINE.tag(password, recipe);
  const cost = `m=${memoryKiB},t=${iterations},p=${parallelism}`;
  return `${OWN_ALGORITHM}$v=${VERSION}$${cost}$${writeUnpaddedBase64(salt)}$${writeUnpaddedBase64(tag)}`;
}
