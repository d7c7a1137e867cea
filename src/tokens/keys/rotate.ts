import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChange } from '../../audit/index.ts';
import { listApiAlgorithms } from '../../permissions/index.ts';
import { announce, definePort } from '../../platform/database/index.ts';
import { Failure } from '../../platform/errors.ts';
import { SigningKey } from '../entities.ts';
import { generateKey, insertKey, type NewKey } from './make.ts';
import {
  activateOrMake,
  keysForAlg,
  later,
  type RotationPolicy,
  replaceCurrent,
  retireStep,
  type Step,
  stepsDue,
} from './rotation.ts';
import { type Alg, unsealKey } from './signing-key.ts';

/** The default algorithm of APIs and of ID tokens: always there. */
const DEFAULT_ALG: Alg = 'RS256';

/** Port: the algorithms that rooms above need, besides those of APIs. */
export const clientAlgorithms = definePort<(em: SqlEntityManager) => Promise<readonly Alg[]>>('clientAlgorithms');

/** The algorithms that somebody asks for, the default first. */
export async function requiredAlgorithms(em: SqlEntityManager): Promise<Set<Alg>> {
  const above = await clientAlgorithms.of(em)(em);
  return new Set([DEFAULT_ALG, ...(await listApiAlgorithms(em)), ...above]);
}

/** What is decided from the rows as they are, before and then again within the transaction. */
type PlanSteps = (keys: SigningKey[], required: Set<Alg>) => Step[];

/**
 * Takes every step that is due; answers those that this process took. Any number of nodes may do so at once: one wins, the others
 * find nothing left to do. A node that dies between two steps leaves the rest to the others.
 */
export function advanceKeys(
  em: SqlEntityManager,
  audit: AuditContext,
  masterKey: Buffer,
  policy: RotationPolicy,
): Promise<Step[]> {
  return applySteps(em, audit, masterKey, (keys, required) => stepsDue(keys, required, policy, audit.at));
}

/**
 * Makes the current key of an algorithm where there is none, in the caller's transaction if there is one: whoever asks for the
 * algorithm there has its key in the same moment.
 */
export async function ensureCurrentKey(
  em: SqlEntityManager,
  audit: AuditContext,
  masterKey: Buffer,
  alg: Alg,
): Promise<void> {
  await applySteps(em, audit, masterKey, (keys) => {
    const { current, next } = keysForAlg(keys, alg);
    return current ? [] : [activateOrMake(alg, next)];
  });
}

export async function hasCurrentKey(em: SqlEntityManager, alg: Alg): Promise<boolean> {
  return (await em.count(SigningKey, { alg, state: 'current' })) > 0;
}

/**
 * Publishes the next key of each of these algorithms (of all that are asked for, without a list), or lets what is published wait
 * as it does. `isNow`: the next key signs at once, for emergencies.
 */
export async function rotateKeys(
  em: SqlEntityManager,
  audit: AuditContext,
  masterKey: Buffer,
  given: { readonly leadSeconds: number; readonly isNow: boolean; readonly alg?: Alg | undefined },
): Promise<Step[]> {
  return applySteps(em, audit, masterKey, (keys, required) => {
    if (given.alg && !required.has(given.alg))
      throw new Failure(
        'conflict',
        `Nobody asks for ${given.alg}. Its key is made with the first API or client that does: npx signet api update AUDIENCE --alg ${given.alg}`,
      );
    return [...(given.alg ? [given.alg] : required)].flatMap((alg): Step[] => {
      const { current, next } = keysForAlg(keys, alg);
      if (!current) return [activateOrMake(alg, next)];
      if (given.isNow)
        return next ? replaceCurrent(current, next, audit.at) : [retireStep(current, audit.at), { kind: 'make', alg }];
      return next ? [] : [{ kind: 'publish', alg, activateAt: later(audit.at, given.leadSeconds) }];
    });
  });
}

/** Any number that only Signet uses for this lock: the bytes of "keys". */
export const KEYS_LOCK = 0x6b657973;

/** Looks without a lock first, so that nothing due costs a read; then decides again under it. */
export async function applySteps(
  em: SqlEntityManager,
  audit: AuditContext,
  masterKey: Buffer,
  plan: PlanSteps,
): Promise<Step[]> {
  const generated = new Map<Alg, NewKey>();
  const first = plan(await readKeys(em), await requiredAlgorithms(em));
  if (first.length === 0) return [];
  for (const step of first)
    if (step.kind === 'make' || step.kind === 'publish') generated.set(step.alg, await generateKey(step.alg));
  return em.transactional(async (tx) => {
    await tx.execute('select pg_advisory_xact_lock(?)', [KEYS_LOCK]);
    const keys = await readKeys(tx);
    const steps = plan(keys, await requiredAlgorithms(tx));
    if (steps.length === 0) return [];
    for (const step of steps) await applyStep(tx, audit, masterKey, step, keys, generated);
    await tx.flush();
    await announce(tx, 'keys');
    return steps;
  });
}

export function readKeys(em: SqlEntityManager): Promise<SigningKey[]> {
  return em.find(
    SigningKey,
    { state: { $ne: 'gone' } },
    { orderBy: { createdAt: 'desc', kid: 'asc' }, disableIdentityMap: true },
  );
}

async function applyStep(
  tx: SqlEntityManager,
  audit: AuditContext,
  masterKey: Buffer,
  step: Step,
  keys: readonly SigningKey[],
  generated: ReadonlyMap<Alg, NewKey>,
): Promise<void> {
  const { at } = audit;
  if (step.kind === 'make' || step.kind === 'publish') {
    // A node that was not restarted after `keys rewrap` must not add what the others cannot open.
    for (const key of keys) unsealKey(masterKey, key);
    const key = generated.get(step.alg) ?? (await generateKey(step.alg));
    return insertKey(tx, audit, masterKey, key, step.kind === 'publish' ? step.activateAt : null);
  }
  const key = keys.find((one) => one.kid === step.kid) as SigningKey;
  if (step.kind === 'activate') return setKeyState(tx, audit, key, { state: 'current', activatedAt: at });
  if (step.kind === 'retire') return setKeyState(tx, audit, key, { state: 'retiring', retireAt: step.retireAt });
  return setKeyState(tx, audit, key, { state: 'gone', retireAt: at, privateSealed: Buffer.alloc(0) });
}

/** From the state that was seen, or not at all. */
async function setKeyState(
  tx: SqlEntityManager,
  audit: AuditContext,
  key: SigningKey,
  to: { state: SigningKey['state']; activatedAt?: Date; retireAt?: Date; privateSealed?: Buffer },
): Promise<void> {
  const { kid, alg, state } = key;
  if ((await tx.nativeUpdate(SigningKey, { kid, state }, to)) !== 1)
    throw new Failure('conflict', 'Somebody else changed the keys at this moment. Run it again.');
  recordChange(tx, audit, {
    action: 'change',
    object: { kind: 'signingkey', id: kid, label: kid },
    before: { alg, state },
    after: { alg, state: to.state, ...(to.state === 'retiring' ? { retireAt: to.retireAt?.toISOString() } : {}) },
  });
}
