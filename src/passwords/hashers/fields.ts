import { timingSafeEqual } from 'node:crypto';

/**
 * Reads an integer as Django's `%d` writes it: Django compares encoded texts, so a number in another notation
 * (`+5`, `010`) never verified there. Returns null for those, for zero, and for more than fifteen digits.
 */
export function readDecimal(text: string): number | null {
  return /^[1-9][0-9]{0,14}$/.test(text) ? Number(text) : null;
}

/** Reads canonical padded base64; null for any other text. */
export function readBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

/** Reads canonical unpadded base64, as in the argon2 string format; null for any other text. */
export function readUnpaddedBase64(text: string): Buffer | null {
  return readBase64(text + '='.repeat((4 - (text.length % 4)) % 4));
}

/** Returns unpadded base64, as in the argon2 string format. */
export function writeUnpaddedBase64(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}

/** Returns the first characters and four stars. Of a short text at most half is shown. */
export function mask(text: string, show = 6): string {
  return `${text.slice(0, Math.min(show, Math.floor(text.length / 2)))}****`;
}

/** Compares in constant time; texts of different lengths are unequal. */
export function sameBytes(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
