import { createPrivateKey, createPublicKey, type KeyObject, sign as nodeSign, sign, verify } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { Failure } from '../../platform/errors.ts';
import type { CompactParts } from '../../platform/jws.ts';
import { SigningKey } from '../entities.ts';
import { deriveOpaqueKey } from '../opaque.ts';
import { toDer, toRaw } from './ecdsa.ts';
import { unseal } from './seal.ts';

export type Alg = SigningKey['alg'];

/** A signing key opened. */
export interface OpenKey {
  readonly kid: string;
  readonly alg: Alg;
  readonly state: SigningKey['state'];
  /** When it began to sign. */
  readonly activatedAt: Date | null;
  readonly retireAt: Date | null;
  readonly publicJwk: Readonly<Record<string, string>>;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** The keys that could be opened; `failure` when there were others. */
export interface OpenKeys {
  /** Seals opaque tokens. */
  readonly opaqueKey: KeyObject;
  readonly opened: OpenKey[];
  readonly failure?: Failure;
}

/** Bytes of a signature, base64url: known before signing, for the budget of a token. */
export const SIGNATURE_LENGTH: Record<Alg, number> = { RS256: 342, ES256: 86, EdDSA: 86 };

/** Signs synchronously: WebCrypto would queue behind the password hashes in the thread pool. */
export function signBytes(key: OpenKey, bytes: Buffer): Buffer {
  if (key.alg === 'ES256') return toRaw(sign('sha256', bytes, key.privateKey));
  return sign(key.alg === 'RS256' ? 'sha256' : null, bytes, key.privateKey);
}

export function verifyBytes(key: OpenKey, bytes: Buffer, signature: Buffer): boolean {
  const made = key.alg === 'ES256' ? toDer(signature) : signature;
  return made !== null && verify(key.alg === 'EdDSA' ? null : 'sha256', bytes, key.publicKey, made);
}

/** Whether this key signed it. Only the one spelling of a signature counts: unused bits of its last character are zero. */
export function isSignedWith(key: OpenKey, { head, payload, signature }: CompactParts): boolean {
  const bytes = Buffer.from(signature, 'base64url');
  return bytes.toString('base64url') === signature && verifyBytes(key, Buffer.from(`${head}.${payload}`), bytes);
}

/** What a private half is sealed for: another key's does not open under this name. */
export function sealPurpose(kid: string): string {
  return `signing-key:${kid}`;
}

/** The private half (PKCS #8) of a key. Failure when another master key sealed it. */
export function unsealKey(masterKey: Buffer, row: Pick<SigningKey, 'kid' | 'privateSealed'>): Buffer {
  const der = unseal(masterKey, sealPurpose(row.kid), Buffer.from(row.privateSealed));
  if (der) return der;
  throw new Failure(
    'failed',
    'The signing keys in the database were sealed by another master key. Give the one that belongs to this database (SIGNET_MASTER_KEY_FILE, or keys/master.key).',
  );
}

/** Every key that is published. What is `open` already is not opened again. */
export async function openKeys(
  em: SqlEntityManager,
  masterKey: Buffer,
  open: ReadonlyMap<string, OpenKey> = new Map(),
): Promise<OpenKeys> {
  const rows = await em
    .fork()
    .find(SigningKey, { state: { $ne: 'gone' } }, { orderBy: { createdAt: 'desc', kid: 'asc' } });
  const opened: OpenKey[] = [];
  let failure: Failure | undefined;
  for (const row of rows) {
    const { state, activatedAt = null, retireAt = null } = row;
    try {
      const before = open.get(row.kid);
      // The same object while nothing has changed: what was verified with it stays verified.
      const isSame = before?.state === state && before.retireAt?.getTime() === retireAt?.getTime();
      opened.push(before && isSame ? before : { ...(before ?? openKey(masterKey, row)), state, activatedAt, retireAt });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failure = error;
    }
  }
  return { opened, opaqueKey: deriveOpaqueKey(masterKey), ...(failure ? { failure } : {}) };
}

/** The public half is made from the private one: a row that somebody has changed publishes nothing. */
function openKey(masterKey: Buffer, row: SigningKey): Omit<OpenKey, 'state' | 'activatedAt' | 'retireAt'> {
  const { kid, alg } = row;
  const privateKey = createPrivateKey({ key: unsealKey(masterKey, row), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey);
  return { kid, alg, privateKey, publicKey, publicJwk: publicJwk(publicKey, kid, alg) };
}

/** RFC 7517 §4: the members that verifiers look at. */
export function publicJwk(publicKey: KeyObject, kid: string, alg: Alg): Record<string, string> {
  return { ...(publicKey.export({ format: 'jwk' }) as Record<string, string>), kid, alg, use: 'sig' };
}

export async function countKeys(em: SqlEntityManager): Promise<number> {
  return em.count(SigningKey, {});
}

export function listKeys(em: SqlEntityManager): Promise<SigningKey[]> {
  return em.findAll(SigningKey, { orderBy: { createdAt: 'desc', kid: 'asc' } });
}

/** Makes a signature, at once or soon. */
export type Sign = (key: OpenKey, bytes: Buffer) => Buffer | Promise<Buffer>;

/** Handed over at a time; more are made on this thread. */
const MAX_CONCURRENT = 32;

/**
 * Signs in the thread pool while no password is hashed there, else on this thread, as `signBytes`. An RSA signature takes longer than all
 * the rest of a token request: another core takes it over (1.6 times as many tokens on two cores, bench/README.md). But behind
 * password hashes it would wait for tens of milliseconds, and a storm of logins would reach who asks for a token.
 */
export function createSign(isHashing: () => boolean): Sign {
  let pending = 0;
  return (key, bytes) => {
    if (key.alg !== 'RS256' || pending >= MAX_CONCURRENT || isHashing()) return signBytes(key, bytes);
    pending += 1;
    return new Promise((resolve, reject) => {
      nodeSign('sha256', bytes, key.privateKey, (error, signature) => {
        pending -= 1;
        if (error) reject(error);
        else resolve(signature);
      });
    });
  };
}
