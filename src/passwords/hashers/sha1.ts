import type { Hasher } from './hasher.ts';
import { readHexDigest } from './hex-digest.ts';

/** Django's `sha1$salt$hex`; with an empty salt it is Django's `unsalted_sha1`, `sha1$$hex`. */
export const sha1: Hasher = {
  algorithm: 'sha1',
  read(encoded) {
    const [name, salt, hash, ...rest] = encoded.split('$');
    if (name !== 'sha1' || salt === undefined || hash === undefined || rest.length > 0) return null;
    return readHexDigest('sha1', salt, hash);
  },
};
