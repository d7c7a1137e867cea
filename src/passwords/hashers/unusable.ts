import type { Hasher } from './hasher.ts';

/** What an unusable password begins with, in Django and here. */
export const UNUSABLE_PREFIX = '!';

/** Django's `set_unusable_password`: anything behind a `!`. It verifies nothing, and that at no cost. */
export const unusable: Hasher = {
  algorithm: 'unusable',
  read(encoded) {
    if (!encoded.startsWith(UNUSABLE_PREFIX)) return null;
    return {
      algorithm: 'unusable',
      overBounds: null,
      cost: null,
      argon2id: null,
      summary: () => ({ algorithm: 'unusable' }),
      async verify() {
        return false;
      },
    };
  },
};
