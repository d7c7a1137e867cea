import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { deriveKey } from '../../platform/digest.ts';
import { decodeBase64url } from '../../platform/text.ts';

/** The key of refresh tokens, derived from the master key for this purpose alone. */
export type RefreshKey = KeyObject & { readonly refreshes: true };

export function deriveRefreshKey(masterKey: Buffer): RefreshKey {
  return createSecretKey(deriveKey(masterKey, 'refresh-token')) as RefreshKey;
}

const VERSION = 1;
const ID_BYTES = 16;
const GENERATION_BYTES = 4;
const MAC_BYTES = 32;
const HEAD_BYTES = 1 + ID_BYTES + GENERATION_BYTES;

/**
 * Builds a refresh token: version, grant, generation, and an HMAC over these and the grant's random seed. Nothing is
 * stored, and one generation always yields the same token.
 */
export function refreshToken(key: RefreshKey, grant: { id: string; seed: Buffer }, generation: number): string {
  const head = tokenHead(grant.id, generation);
  return Buffer.concat([head, mac(key, head, grant.seed)]).toString('base64url');
}

/** A parsed refresh token, not verified yet. */
export interface PresentedRefreshToken {
  readonly id: string;
  readonly generation: number;
  /** Whether the MAC matches a grant's seed. Constant time. */
  matches(key: RefreshKey, seed: Buffer): boolean;
}

/** Returns null for input without the form of a refresh token. */
export function readRefreshToken(token: string): PresentedRefreshToken | null {
  const bytes = decodeBase64url(token);
  if (bytes === null || bytes.length !== HEAD_BYTES + MAC_BYTES || bytes[0] !== VERSION) return null;
  const head = bytes.subarray(0, HEAD_BYTES);
  const hex = head.subarray(1, 1 + ID_BYTES).toString('hex');
  return {
    id: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    generation: head.readUInt32BE(1 + ID_BYTES),
    matches: (key, seed) => timingSafeEqual(mac(key, head, seed), bytes.subarray(HEAD_BYTES)),
  };
}

function tokenHead(id: string, generation: number): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head[0] = VERSION;
  head.set(Buffer.from(id.replaceAll('-', ''), 'hex'), 1);
  head.writeUInt32BE(generation, 1 + ID_BYTES);
  return head;
}

function mac(key: RefreshKey, head: Buffer, seed: Buffer): Buffer {
  return createHmac('sha256', key).update(head).update(seed).digest();
}
