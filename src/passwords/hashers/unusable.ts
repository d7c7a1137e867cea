import { randomInt } from 'node:crypto';
import type { Hasher } from './hasher.ts';

/** The prefix of unusable passwords, in Django and in Signet. */
const UNUSABLE_PREFIX = '!';

/** Django's `set_unusable_password`: any text after `!`. Verification returns false without any work. */
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

const ALPHABET = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const LENGTH = 40;

/** Returns an unusable password: `!` and 40 random characters, so that no two users have the same (as in Django). */
export function makeUnusable(): string {
  let text = UNUSABLE_PREFIX;
  for (let i = 0; i < LENGTH; i += 1) text += ALPHABET.charAt(randomInt(ALPHABET.length));
  return text;
}
