import type { Hasher } from './hasher.ts';
import { readHexDigest } from './hex-digest.ts';

/** Django's `md5$salt$hex`, and both spellings of its `unsalted_md5`: `md5$$hex` and 32 bare hex digits. */
export const md5: Hasher = {
  algorithm: 'md5',
  read(encoded) {
    // The oldest releases of Django wrote the bare digest, without a name in front.
    if (!encoded.includes('$')) return readHexDigest('md5', '', encoded);
    const [name, salt, hash, ...rest] = encoded.split('$');
    if (name !== 'md5' || salt === undefined || hash === undefined || rest.length > 0) return null;
    return readHexDigest('md5', salt, hash);
  },
};
