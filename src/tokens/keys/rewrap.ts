import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChange } from '../../audit/index.ts';
import { Failure } from '../../platform/errors.ts';
import { SigningKey } from '../entities.ts';
import { KEYS_LOCK, readKeys } from './rotate.ts';
import { sealKey, unsealKey } from './signing-key.ts';

/**
 * Seals every signing key under another master key, all of them or none, and returns how many. The keys themselves stay
 * the same, so a running server continues with its open keys. Failures: the old master key is wrong, or both are the
 * same.
 */
export async function rewrapKeys(em: SqlEntityManager, audit: AuditContext, from: Buffer, to: Buffer): Promise<number> {
  if (from.equals(to)) throw new Failure('usage', 'That is the master key that seals the keys now. Give another one.');
  return em.transactional(async (tx) => {
    await tx.execute('select pg_advisory_xact_lock(?)', [KEYS_LOCK]);
    const keys = await readKeys(tx);
    for (const key of keys) {
      const { kid } = key;
      const privateSealed = sealKey(to, kid, unsealKey(from, key));
      await tx.nativeUpdate(SigningKey, { kid }, { privateSealed });
    }
    recordChange(tx, audit, {
      action: 'change',
      object: { kind: 'masterkey', id: 'master', label: 'master key' },
      after: { rewrapped: keys.map((key) => key.kid) },
    });
    return keys.length;
  });
}
