import { createHash, hkdfSync, randomBytes } from 'node:crypto';

/** Returns the SHA-256 of a text. The database stores it for a secret that Signet generated: 256 random bits need no slow hash. */
export function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}

/** Returns a new secret: 256 random bits, base64url. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/**
 * Derives a key for one purpose from the master key (RFC 5869). The same purpose gives the same bytes. A caller that uses it on every
 * request should make a KeyObject of it once: with raw bytes Node spends 10 µs each time.
 */
export function deriveKey(masterKey: Buffer, purpose: string, bytes = 32): Buffer {
  return Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), `signet:${purpose}`, bytes));
}

/** A public document, encoded when it last changed. */
export interface PublicDocument {
  readonly body: Buffer;
  /** Strong validator (RFC 9110 §8.8.3). */
  readonly etag: string;
}

export function publicDocument(body: Buffer): PublicDocument {
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
}
