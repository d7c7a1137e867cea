import { timingSafeEqual } from 'node:crypto';

/**
 * A whole number as Django's `%d` writes it: Django compares encoded texts, so a number that is spelled in another way
 * (`+5`, `010`) has never verified there. Zero and anything beyond fifteen digits are null too.
 */
export function readDecimal(text: string): number | null {
  return /^[1-9][0-9]{0,14}$/.test(text) ? Number(text) : null;
}

/** Bytes from padded base64 in its one canonical spelling; null for any other. */
export function readBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

/** Bytes from the unpadded base64 of the argon2 string format, canonical spelling only; null for any other. */
export function readUnpaddedBase64(text: string): Buffer | null {
  return readBase64(text + '='.repeat((4 - (text.length % 4)) % 4));
}

/** Unpadded base64, as the argon2 string format writes salt and tag. */
export function writeUnpaddedBase64(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}

/** The first characters and four stars; at most half of a short text, so that masking never shows the whole. */
export function mask(text: string, show = 6): string {
  return `${text.slice(0, Math.min(show, Math.floor(text.length / 2)))}****`;
}

/** Equality in constant time; unequal lengths are simply unequal. */
export function sameBytes(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
