import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { deriveKey } from '../../platform/digest.ts';

/** What makes and reads refresh tokens: a key of the master key that only they are made under. */
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
 * A refresh token: version, grant, generation, and an HMAC over these and the grant's random seed. Nothing of it is stored, and the
 * same generation is the same token again.
 */
export function refreshToken(key: RefreshKey, grant: { id: string; seed: Buffer }, generation: number): string {
  const head = tokenHead(grant.id, generation);
  return Buffer.concat([head, mac(key, head, grant.seed)]).toString('base64url');
}

/** What a refresh token claims to be, not yet believed. */
export interface PresentedRefreshToken {
  readonly id: string;
  readonly generation: number;
  /** Whether the MAC is right for a grant of this seed. In constant time. */
  matches(key: RefreshKey, seed: Buffer): boolean;
}

/** Null for everything that has not the form of one. */
export function readRefreshToken(token: string): PresentedRefreshToken | null {
  const bytes = Buffer.from(token, 'base64url');
  // Only the one spelling counts: unused bits of the last character are zero.
  if (bytes.length !== HEAD_BYTES + MAC_BYTES || bytes[0] !== VERSION || bytes.toString('base64url') !== token)
    return null;
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
