import { randomInt } from 'node:crypto';

/** RFC 8628 §6.1: without vowels, so that no word comes out; nothing that is read as something else. */
const ALPHABET = 'BCDFGHJKLMNPQRSTVWXZ';
const LENGTH = 8;

/** A code that people type, as it is stored: 20^8 of them, from the system's random source. */
export function newUserCode(): string {
  return Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}

/** As people see it: `XXXX-XXXX`. */
export function formatUserCode(code: string): string {
  return `${code.slice(0, LENGTH / 2)}-${code.slice(LENGTH / 2)}`;
}

/** More than any way of typing one. */
const LONGEST_TYPED = 64;

/** RFC 8628 §6.1: case, dashes and spaces do not matter. Null for what no code can be. */
export function parseUserCode(typed: string): string | null {
  if (typed.length > LONGEST_TYPED) return null;
  const code = typed.toUpperCase().replace(/[^A-Z0-9]/g, '');
  return code.length === LENGTH && [...code].every((one) => ALPHABET.includes(one)) ? code : null;
}
