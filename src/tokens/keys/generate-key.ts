import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { calculateJwkThumbprint } from 'jose';
import { type AuditContext, recordChange } from '../../audit/index.ts';
import { SigningKey } from '../entities.ts';
import { type Alg, publicJwk, sealKey } from './signing-key.ts';

/** A generated key that is not stored yet. */
export interface NewKey {
  readonly kid: string;
  readonly alg: Alg;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** Generates a key. RSA takes some tenths of a second: call it before a transaction where possible. */
export async function generateKey(alg: Alg): Promise<NewKey> {
  const { publicKey, privateKey } = await generate(alg);
  const kid = await calculateJwkThumbprint(publicKey.export({ format: 'jwk' }) as object);
  // People type key ids: a leading dash would be read as an option.
  return kid.startsWith('-') ? generateKey(alg) : { kid, alg, publicKey, privateKey };
}

async function generate(alg: Alg): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  const make = promisify(generateKeyPair);
  if (alg === 'RS256') return make('rsa', { modulusLength: 2048 });
  if (alg === 'ES256') return make('ec', { namedCurve: 'P-256' });
  return make('ed25519', undefined);
}

/** Stores a key, which is published from now on: as `current`, or as `next` until `activateAt`. */
export async function insertKey(
  tx: SqlEntityManager,
  audit: AuditContext,
  masterKey: Buffer,
  { kid, alg, publicKey, privateKey }: NewKey,
  activateAt: Date | null,
): Promise<void> {
  const state = activateAt ? 'next' : 'current';
  const key = tx.create(SigningKey, {
    kid,
    alg,
    publicJwk: publicJwk(publicKey, kid, alg),
    privateSealed: sealKey(masterKey, kid, privateKey.export({ type: 'pkcs8', format: 'der' })),
    state,
    createdAt: audit.at,
    publishedAt: audit.at,
    activateAt: activateAt ?? audit.at,
    activatedAt: activateAt ? null : audit.at,
  });
  tx.persist(key);
  recordChange(tx, audit, {
    action: 'add',
    object: { kind: 'signingkey', id: kid, label: kid },
    after: { alg, state, ...(activateAt ? { activateAt: activateAt.toISOString() } : {}) },
  });
  await tx.flush();
}
