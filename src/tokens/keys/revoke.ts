import type { SqlEntityManager } from '@mikro-orm/sql';
import type { AuditContext } from '../../audit/index.ts';
import { SigningKey } from '../entities.ts';
import { tokenError } from '../errors.ts';
import { applySteps } from './rotate.ts';
import { activateOrMake, keysForAlg, type Step } from './rotation.ts';

/** Returns a key that can be revoked. Throws `key_not_found`, `key_gone`. */
export async function getLiveKey(em: SqlEntityManager, kid: string): Promise<SigningKey> {
  const key = await em.findOne(SigningKey, { kid });
  if (!key) throw tokenError('key_not_found', { kid });
  if (key.state === 'gone') throw tokenError('key_gone', { kid });
  return key;
}

/**
 * Revokes a key at once: it is no longer published, tokens that it signed are refused, and its private half is erased.
 * The next key, or a new one, replaces a current key. Returns the steps that were taken. Throws `key_not_found`,
 * `key_gone`, `key_removed_meanwhile`.
 */
export async function revokeKey(
  em: SqlEntityManager,
  audit: AuditContext,
  masterKey: Buffer,
  kid: string,
): Promise<Step[]> {
  await getLiveKey(em, kid);
  const steps = await applySteps(em, audit, masterKey, (keys, required) => {
    const key = keys.find((one) => one.kid === kid);
    if (!key) return [];
    const drop: Step = { kind: 'drop', kid };
    if (key.state !== 'current' || !required.has(key.alg)) return [drop];
    return [drop, activateOrMake(key.alg, keysForAlg(keys, key.alg).next)];
  });
  if (steps.length === 0) throw tokenError('key_removed_meanwhile', { kid });
  return steps;
}
