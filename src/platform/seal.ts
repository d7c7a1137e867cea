import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { deriveKey } from './digest.ts';

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + NONCE_BYTES;

/** How many bytes longer sealed bytes are than the secret. */
export const SEAL_BYTES = HEAD_BYTES + TAG_BYTES;

/**
 * The two forms of sealed bytes. Both begin with a head: version (1 byte) and nonce (12). `stored`, in the database: head, tag (16),
 * ciphertext. `token`, in what leaves the server: head, ciphertext, tag; the head is authenticated too.
 */
export type SealForm = 'stored' | 'token';

/** Derives a sealing key for one purpose from the master key: bytes sealed for one purpose do not open for another. */
export function sealingKey(masterKey: Buffer, purpose: string): KeyObject {
  return createSecretKey(deriveKey(masterKey, `seal:${purpose}`));
}

/** Seals a secret with AES-256-GCM. */
export function seal(key: KeyObject, secret: Buffer, form: SealForm = 'stored'): Buffer {
  const head = Buffer.concat([Buffer.of(VERSION), randomBytes(NONCE_BYTES)]);
  const cipher = createCipheriv('aes-256-gcm', key, head.subarray(1));
  if (form === 'token') cipher.setAAD(head);
  const ciphertext = [cipher.update(secret), cipher.final()];
  const tag = cipher.getAuthTag();
  return Buffer.concat(form === 'token' ? [head, ...ciphertext, tag] : [head, tag, ...ciphertext]);
}

/** Opens a sealed secret; null when the key or the form differs, or a bit was changed. */
export function unseal(key: KeyObject, sealed: Buffer, form: SealForm = 'stored'): Buffer | null {
  if (sealed.length < SEAL_BYTES || sealed[0] !== VERSION) return null;
  const [head, body] = [sealed.subarray(0, HEAD_BYTES), sealed.subarray(HEAD_BYTES)];
  const decipher = createDecipheriv('aes-256-gcm', key, head.subarray(1), { authTagLength: TAG_BYTES });
  if (form === 'token') decipher.setAAD(head);
  decipher.setAuthTag(form === 'token' ? body.subarray(-TAG_BYTES) : body.subarray(0, TAG_BYTES));
  const ciphertext = form === 'token' ? body.subarray(0, -TAG_BYTES) : body.subarray(TAG_BYTES);
  try {
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  } catch {
    return null;
  }
}
