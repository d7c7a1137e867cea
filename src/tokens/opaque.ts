import { createSecretKey, type KeyObject } from 'node:crypto';
import { deriveKey } from '../platform/digest.ts';
import { SEAL_BYTES, seal, unseal } from '../platform/seal.ts';
import { base64urlLength, decodeBase64url } from '../platform/text.ts';

/** Derives the key of opaque tokens from the master key. */
export function deriveOpaqueKey(masterKey: Buffer): KeyObject {
  return createSecretKey(deriveKey(masterKey, 'opaque-token'));
}

/** Length of the token that seals so many bytes. */
export function opaqueLength(bytes: number): number {
  return base64urlLength(SEAL_BYTES + bytes);
}

/** Seals claims as an opaque access token: nothing is stored, and only this server can read it. Resource servers introspect it (RFC 7662). */
export function sealClaims(key: KeyObject, claims: object): string {
  return seal(key, Buffer.from(JSON.stringify(claims)), 'token').toString('base64url');
}

/** Returns null for input that this key did not seal, or that differs in any bit or in its spelling. */
export function openClaims(key: KeyObject, token: string): Record<string, unknown> | null {
  const sealed = decodeBase64url(token);
  const claims = sealed && unseal(key, sealed, 'token');
  return claims && (JSON.parse(claims.toString('utf8')) as Record<string, unknown>);
}
