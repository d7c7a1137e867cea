import { randomBytes } from 'node:crypto';
import { ARGON2_ENGINE, type Argon2Recipe, type Argon2Variety } from './argon2-engine.ts';
import { argon2Cost, argon2OverBounds } from './bounds.ts';
import { mask, readDecimal, readUnpaddedBase64, sameBytes, writeUnpaddedBase64 } from './fields.ts';
import type { Argon2Parameters, Hasher, Parsed } from './hasher.ts';

/**
 * The name of Signet's own hashes. It must differ from Django's `argon2`, because the two are made of different
 * bytes: Django hashes the password as sent, Signet its NFKC form, and nothing else in the row tells them apart.
 */
export const OWN_ALGORITHM = 'argon2id_nfkc';

/** RFC 9106 §3.1 recommends a salt of 16 bytes; the tag has the length of its recommended parameters (§4). */
const SALT_BYTES = 16;
const TAG_BYTES = 32;

/** A hash with a shorter salt or tag is weaker than Signet's own and is replaced. Older Django used salts of 71 bits. */
const STRONG_BYTES = 16;

/** Version 1.3 of argon2. A string without `v=` has version 1.0 (0x10). */
const VERSION = 0x13;
const OLD_VERSION = 0x10;

/** In the order of the reference implementation, Django and Signet (m, t, p), or of the package `argon2` for Node (m, p, t). */
const STRING_FORMAT =
  /^\$(argon2d|argon2id?)(?:\$v=(16|19))?\$m=(?<m>[0-9]+),(?:t=(?<t>[0-9]+),p=(?<p>[0-9]+)|p=(?<p>[0-9]+),t=(?<t>[0-9]+))\$([^$]+)\$([^$]+)$/;

interface Argon2String extends Argon2Recipe {
  readonly tag: Buffer;
}

/** Reads the string format of the argon2 reference implementation; null if it cannot be verified. */
function readString(text: string): Argon2String | null {
  const match = STRING_FORMAT.exec(text);
  if (match === null) return null;
  const [, variety, v] = match;
  const { m = '', t = '', p = '' } = match.groups ?? {};
  const [memoryKiB, iterations, parallelism] = [readDecimal(m), readDecimal(t), readDecimal(p)];
  const [salt, tag] = match.slice(-2).map((one) => readUnpaddedBase64(one ?? ''));
  if (memoryKiB === null || iterations === null || parallelism === null || !salt || !tag) return null;
  // RFC 9106 §3.1: at least 8 blocks for each lane; the reference implementation requires a salt of 8 bytes. A tag below
  // 12 bytes (the minimum of the PHC string format) could match by chance.
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

function createParsed(algorithm: string, string: Argon2String): Parsed {
  const { variety, version, parameters, salt, tag } = string;
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
      return overBounds === null && sameBytes(await ARGON2_ENGINE.tag(password, string), tag);
    },
  };
}

/**
 * Django's `argon2$argon2id$v=19$m=…,t=…,p=…$salt$hash`: the word `argon2`, followed by the string format. Reads argon2i
 * and argon2d too, which older releases and a project's own hashers wrote.
 */
export const argon2: Hasher = {
  algorithm: 'argon2',
  read(encoded) {
    if (!encoded.startsWith('argon2$')) return null;
    const string = readString(encoded.slice('argon2'.length));
    return string && createParsed('argon2', string);
  },
};

/** Signet's own `argon2id_nfkc$v=19$m=…,t=…,p=…$salt$hash`, made of the UTF-8 bytes of NFKC(password). */
export const argon2idNfkc: Hasher = {
  algorithm: OWN_ALGORITHM,
  read(encoded) {
    if (!encoded.startsWith(`${OWN_ALGORITHM}$v=${VERSION}$`)) return null;
    const string = readString(`$argon2id${encoded.slice(OWN_ALGORITHM.length)}`);
    return string && createParsed(OWN_ALGORITHM, string);
  },
};

/**
 * Returns a new hash in Signet's own format, with a new salt. The caller ensures that the bytes are NFKC and the cost is within the bounds.
 */
export async function encodeArgon2idNfkc(password: Buffer, parameters: Argon2Parameters): Promise<string> {
  const { memoryKiB, iterations, parallelism } = parameters;
  const salt = randomBytes(SALT_BYTES);
  const recipe: Argon2Recipe = { variety: 'argon2id', version: VERSION, parameters, salt, tagBytes: TAG_BYTES };
  const tag = await ARGON2_ENGINE.tag(password, recipe);
  const cost = `m=${memoryKiB},t=${iterations},p=${parallelism}`;
  return `${OWN_ALGORITHM}$v=${VERSION}$${cost}$${writeUnpaddedBase64(salt)}$${writeUnpaddedBase64(tag)}`;
}
