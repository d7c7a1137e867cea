import { createHash, hkdfSync, randomBytes } from 'node:crypto';

/** What the database keeps of a secret that Signet made itself (256 random bits need no slow hash). */
export function digest(secret: string): Buffer {
  return createHash('sha256').update(secret, 'utf8').digest();
}

/** A new secret: 256 bits, base64url. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/**
 * A key for one purpose from the master key (RFC 5869); the same purpose gives the same bytes. Who uses it with every request makes a
 * KeyObject of it once: with bytes Node spends 10 µs each time.
 */
export function deriveKey(masterKey: Buffer, purpose: string, bytes = 32): Buffer {
  return Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), `signet:${purpose}`, bytes));
}

/** A document that everybody may read, as bytes that were made when it last changed. */
export interface PublicDocument {
  readonly body: Buffer;
  /** A strong validator (RFC 9110 §8.8.3). */
  readonly etag: string;
}

export function publicDocument(body: Buffer): PublicDocument {
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
}
