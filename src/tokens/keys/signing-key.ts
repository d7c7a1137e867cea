import { createPrivateKey, createPublicKey, type KeyObject, sign as nodeSign, sign, verify } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { Failure } from '../../platform/errors.ts';
import type { CompactParts } from '../../platform/jws.ts';
import { seal, sealingKey, unseal } from '../../platform/seal.ts';
import { decodeBase64url } from '../../platform/text.ts';
import { SigningKey } from '../entities.ts';
import { deriveOpaqueKey } from '../opaque.ts';
import { toDer, toRaw } from './ecdsa.ts';

export type Alg = SigningKey['alg'];

/** A signing key with its private half. */
export interface OpenKey {
  readonly kid: string;
  readonly alg: Alg;
  readonly state: SigningKey['state'];
  /** When it started to sign. */
  readonly activatedAt: Date | null;
  readonly retireAt: Date | null;
  readonly publicJwk: Readonly<Record<string, string>>;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** The keys that could be opened; `failure` is set when some could not. */
export interface OpenKeys {
  /** Key of opaque tokens. */
  readonly opaqueKey: KeyObject;
  readonly opened: OpenKey[];
  readonly failure?: Failure;
}

/** Length of a signature in base64url, for measuring a token before it is signed. */
export const SIGNATURE_LENGTH: Record<Alg, number> = { RS256: 342, ES256: 86, EdDSA: 86 };

/** Signs on this thread: WebCrypto would queue behind the password hashes in the thread pool. */
export function signBytes(key: OpenKey, bytes: Buffer): Buffer {
  if (key.alg === 'ES256') return toRaw(sign('sha256', bytes, key.privateKey));
  return sign(key.alg === 'RS256' ? 'sha256' : null, bytes, key.privateKey);
}

export function verifyBytes(key: OpenKey, bytes: Buffer, signature: Buffer): boolean {
  const der = key.alg === 'ES256' ? toDer(signature) : signature;
  return der !== null && verify(key.alg === 'EdDSA' ? null : 'sha256', bytes, key.publicKey, der);
}

/** Whether this key signed the JWS. Only the canonical spelling of a signature is accepted. */
export function isSignedWith(key: OpenKey, { head, payload, signature }: CompactParts): boolean {
  const bytes = decodeBase64url(signature);
  return bytes !== null && verifyBytes(key, Buffer.from(`${head}.${payload}`), bytes);
}

/** Seals the private half (PKCS #8) of a key for the database: one key does not open under the id of another. */
export function sealKey(masterKey: Buffer, kid: string, der: Buffer): Buffer {
  return seal(sealingKeyOf(masterKey, kid), der);
}

function sealingKeyOf(masterKey: Buffer, kid: string): KeyObject {
  return sealingKey(masterKey, `signing-key:${kid}`);
}

/** Returns the private half (PKCS #8) of a key. Failure when another master key sealed it. */
export function unsealKey(masterKey: Buffer, row: Pick<SigningKey, 'kid' | 'privateSealed'>): Buffer {
  const der = unseal(sealingKeyOf(masterKey, row.kid), Buffer.from(row.privateSealed));
  if (der) return der;
  throw new Failure(
    'failed',
    'The signing keys in the database were sealed by another master key. Give the one that belongs to this database (SIGNET_MASTER_KEY_FILE, or keys/master.key).',
  );
}

/** Opens every published key. Keys that are `open` already are not opened again. */
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
      const existing = open.get(row.kid);
      // Keep the same object while nothing changed: verified signatures are cached by it.
      const isSame = existing?.state === state && existing.retireAt?.getTime() === retireAt?.getTime();
      opened.push(
        existing && isSame ? existing : { ...(existing ?? openKey(masterKey, row)), state, activatedAt, retireAt },
      );
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failure = error;
    }
  }
  return { opened, opaqueKey: deriveOpaqueKey(masterKey), ...(failure ? { failure } : {}) };
}

/** Derives the public half from the private one: a manipulated row cannot publish another key. */
function openKey(masterKey: Buffer, row: SigningKey): Omit<OpenKey, 'state' | 'activatedAt' | 'retireAt'> {
  const { kid, alg } = row;
  const privateKey = createPrivateKey({ key: unsealKey(masterKey, row), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey);
  return { kid, alg, privateKey, publicKey, publicJwk: publicJwk(publicKey, kid, alg) };
}

/** The public JWK with the members that verifiers read (RFC 7517 §4). */
export function publicJwk(publicKey: KeyObject, kid: string, alg: Alg): Record<string, string> {
  return { ...(publicKey.export({ format: 'jwk' }) as Record<string, string>), kid, alg, use: 'sig' };
}

export async function countKeys(em: SqlEntityManager): Promise<number> {
  return em.count(SigningKey, {});
}

export function listKeys(em: SqlEntityManager): Promise<SigningKey[]> {
  return em.findAll(SigningKey, { orderBy: { createdAt: 'desc', kid: 'asc' } });
}

/** Makes a signature, at once or asynchronously. */
export type Sign = (key: OpenKey, bytes: Buffer) => Buffer | Promise<Buffer>;

/** Signatures in the thread pool at once; more are made on this thread. */
const MAX_CONCURRENT = 32;

/**
 * Creates a function that signs in the thread pool while no password is hashed there, else on this thread. An RSA
 * signature takes longer than the rest of a token request, and another core takes it over (1.6 times as many tokens on
 * two cores, bench/README.md). Behind password hashes it would wait for tens of milliseconds, and a storm of logins
 * would slow down token requests.
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
