import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChange } from '../../audit/index.ts';
import { SigningKey } from '../entities.ts';
import { tokenError } from '../errors.ts';
import { KEYS_LOCK, readKeys } from './rotate.ts';
import { sealKey, unsealKey } from './signing-key.ts';

/**
 * Seals every signing key under another master key, all of them or none, and returns how many. The keys themselves stay
 * the same, so a running server continues with its open keys. Throws `master_key_wrong`, `master_key_unchanged`.
 */
export async function rewrapKeys(em: SqlEntityManager, audit: AuditContext, from: Buffer, to: Buffer): Promise<number> {
  if (from.equals(to)) throw tokenError('master_key_unchanged');
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
