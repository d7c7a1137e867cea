import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, sign, verify } from 'node:crypto';
import { promisify } from 'node:util';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { calculateJwkThumbprint } from 'jose';
import { recordChange, type Stamp } from '../../audit/index.ts';
import { Failure } from '../../platform/failure.ts';
import { SigningKey } from '../entities.ts';
import { seal, unseal } from './seal.ts';

export type Alg = 'RS256' | 'ES256' | 'EdDSA';

/** A signing key opened: the private half only where it may sign. */
export interface OpenKey {
  readonly kid: string;
  readonly alg: Alg;
  readonly state: SigningKey['state'];
  readonly publicJwk: Readonly<Record<string, string>>;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** Bytes of a signature, base64url: known before signing, for the budget of a token. */
export const SIGNATURE_LENGTH: Record<Alg, number> = { RS256: 342, ES256: 86, EdDSA: 86 };

/** Signs synchronously: WebCrypto would queue behind the password hashes in the thread pool. */
export function signBytes(key: OpenKey, bytes: Buffer): Buffer {
  if (key.alg === 'ES256') return sign('sha256', bytes, { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return sign(key.alg === 'RS256' ? 'sha256' : null, bytes, key.privateKey);
}

export function verifyBytes(key: OpenKey, bytes: Buffer, signature: Buffer): boolean {
  if (key.alg === 'ES256') return verify('sha256', bytes, { key: key.publicKey, dsaEncoding: 'ieee-p1363' }, signature);
  return verify(key.alg === 'RS256' ? 'sha256' : null, bytes, key.publicKey, signature);
}

async function generate(alg: Alg): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  const make = promisify(generateKeyPair);
  if (alg === 'RS256') return make('rsa', { modulusLength: 2048 });
  if (alg === 'ES256') return make('ec', { namedCurve: 'P-256' });
  return make('ed25519', undefined);
}

/** Makes the current key of an algorithm where there is none. Of several nodes that do so at once, the index lets one win. */
export async function ensureCurrentKey(em: SqlEntityManager, stamp: Stamp, masterKey: Buffer, alg: Alg): Promise<void> {
  if ((await em.count(SigningKey, { alg, state: 'current' })) > 0) return;
  const { publicKey, privateKey } = await generate(alg);
  const jwk = publicKey.export({ format: 'jwk' }) as Record<string, string>;
  const kid = await calculateJwkThumbprint(jwk);
  const der = privateKey.export({ type: 'pkcs8', format: 'der' });
  try {
    await em.transactional(async (tx) => {
      const at = stamp.at;
      const privateSealed = seal(masterKey, `signing-key:${kid}`, der);
      tx.persist(
        tx.create(SigningKey, {
          kid,
          alg,
          publicJwk: { ...jwk, kid, alg, use: 'sig' },
          privateSealed,
          state: 'current',
          createdAt: at,
          publishedAt: at,
          activatedAt: at,
        }),
      );
      recordChange(tx, stamp, {
        action: 'add',
        object: { kind: 'signingkey', id: kid, label: kid },
        after: { alg, state: 'current' },
      });
    });
  } catch (error) {
    if ((error as { code?: string }).code !== '23505') throw error;
  }
}

/** Every key that is published, opened. Failure when the master key is not the one that sealed them. */
export async function openKeys(em: SqlEntityManager, masterKey: Buffer): Promise<OpenKey[]> {
  const rows = await em
    .fork()
    .find(SigningKey, { state: { $ne: 'gone' } }, { orderBy: { createdAt: 'desc', kid: 'asc' } });
  return rows.map((row) => {
    const der = unseal(masterKey, `signing-key:${row.kid}`, Buffer.from(row.privateSealed));
    if (der === null)
      throw new Failure(
        'failed',
        'The signing keys in the database were sealed by another master key. Give the one that belongs to this database (SIGNET_MASTER_KEY_FILE, or keys/master.key).',
      );
    const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    return {
      kid: row.kid,
      alg: row.alg,
      state: row.state,
      publicJwk: row.publicJwk,
      privateKey,
      publicKey: createPublicKey(privateKey),
    };
  });
}

export async function countKeys(em: SqlEntityManager): Promise<number> {
  return em.count(SigningKey, {});
}

export function listKeys(em: SqlEntityManager): Promise<SigningKey[]> {
  return em.findAll(SigningKey, { orderBy: { createdAt: 'desc', kid: 'asc' } });
}
