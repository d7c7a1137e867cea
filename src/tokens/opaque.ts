import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { deriveKey } from '../platform/digest.ts';

/** Derives the key of opaque tokens from the master key. */
export function deriveOpaqueKey(masterKey: Buffer): KeyObject {
  return createSecretKey(deriveKey(masterKey, 'opaque-token'));
}

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Length of the token that seals so many bytes. */
export function opaqueLength(bytes: number): number {
  return Math.ceil(((1 + NONCE_BYTES + bytes + TAG_BYTES) * 4) / 3);
}

/**
 * Seals claims as an opaque access token (AES-256-GCM): only this server can read them, and nothing is stored. Resource
 * servers introspect it (RFC 7662).
 */
export function sealClaims(key: KeyObject, claims: object): string {
  const head = Buffer.concat([Buffer.from([VERSION]), randomBytes(NONCE_BYTES)]);
  const cipher = createCipheriv('aes-256-gcm', key, head.subarray(1));
  cipher.setAAD(head);
  const sealed = Buffer.concat([cipher.update(JSON.stringify(claims), 'utf8'), cipher.final()]);
  return Buffer.concat([head, sealed, cipher.getAuthTag()]).toString('base64url');
}

/** Returns null for input that this key did not seal, or that differs in any bit or in its spelling. */
export function openClaims(key: KeyObject, token: string): Record<string, unknown> | null {
  const bytes = Buffer.from(token, 'base64url');
  if (bytes.length < 1 + NONCE_BYTES + TAG_BYTES || bytes[0] !== VERSION || bytes.toString('base64url') !== token)
    return null;
  const head = bytes.subarray(0, 1 + NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, head.subarray(1));
  decipher.setAAD(head);
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  try {
    const text = Buffer.concat([
      decipher.update(bytes.subarray(head.length, bytes.length - TAG_BYTES)),
      decipher.final(),
    ]);
    return JSON.parse(text.toString('utf8')) as Record<string, unknown>;
  } catch {
    return null;
  }
}
