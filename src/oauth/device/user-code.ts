import { randomInt } from 'node:crypto';

/** RFC 8628 §6.1: no vowels, so that codes form no words, and no characters that look alike. */
const ALPHABET = 'BCDFGHJKLMNPQRSTVWXZ';
const LENGTH = 8;

/** Returns a new code as it is stored: one of 20^8, from the system's random source. */
export function newUserCode(): string {
  return Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}

/** Formats a code for people: `XXXX-XXXX`. */
export function formatUserCode(code: string): string {
  return `${code.slice(0, LENGTH / 2)}-${code.slice(LENGTH / 2)}`;
}

/** Longer than any way to type a code. */
const MAX_TYPED_LENGTH = 64;

/** RFC 8628 §6.1: case, dashes and spaces do not matter. Returns null for a text that can be no code. */
export function parseUserCode(typed: string): string | null {
  if (typed.length > MAX_TYPED_LENGTH) return null;
  const code = typed.toUpperCase().replace(/[^A-Z0-9]/g, '');
  return code.length === LENGTH && [...code].every((one) => ALPHABET.includes(one)) ? code : null;
}
