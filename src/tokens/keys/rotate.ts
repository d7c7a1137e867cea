import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChange } from '../../audit/index.ts';
import { listApiAlgorithms } from '../../permissions/index.ts';
import { announce, definePort, type Topic } from '../../platform/database/index.ts';
import { plusSeconds } from '../../platform/time.ts';
import { SigningKey } from '../entities.ts';
import { tokenError } from '../errors.ts';
import { generateKey, insertKey, type NewKey } from './generate-key.ts';
import {
  activateOrMake,
  keysForAlg,
  type RotationPolicy,
  replaceCurrent,
  retireStep,
  type Step,
  stepsDue,
} from './rotation.ts';
import { type Alg, unsealKey } from './signing-key.ts';

/** The signing keys. */
export const KEYS_TOPIC: Topic = { name: 'keys' };

/** The default algorithm of APIs and ID tokens, which always has a key. */
const DEFAULT_ALG: Alg = 'RS256';

/** Port: the algorithms that higher rooms need, besides those of APIs. */
export const clientAlgorithms = definePort<(em: SqlEntityManager) => Promise<readonly Alg[]>>('clientAlgorithms');

/** Returns the algorithms that APIs and clients use, the default first. */
export async function requiredAlgorithms(em: SqlEntityManager): Promise<Set<Alg>> {
  const clientAlgs = await clientAlgorithms.of(em)(em);
  return new Set([DEFAULT_ALG, ...(await listApiAlgorithms(em)), ...clientAlgs]);
}

/** Decides the steps from the stored keys; called once before the transaction and again within it. */
type PlanSteps = (keys: SigningKey[], required: Set<Alg>) => Step[];

/**
 * Takes every step that is due and returns those that this process took. Any number of nodes may call it at once: one
 * wins, and the others find nothing left to do. When a node dies between two steps, another node takes the rest.
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
 * Ensures that an algorithm has a current key, in the caller's transaction if there is one: an API or client that
 * starts to use the algorithm has its key at the same moment.
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
 * Publishes the next key of one algorithm, or of all in use; a next key that is published already stays as it is.
 * `isNow`: the next key signs at once, for emergencies. Throws `key_algorithm_unused`.
 */
export async function rotateKeys(
  em: SqlEntityManager,
  audit: AuditContext,
  masterKey: Buffer,
  options: { readonly leadSeconds: number; readonly isNow: boolean; readonly alg?: Alg | undefined },
): Promise<Step[]> {
  return applySteps(em, audit, masterKey, (keys, required) => {
    if (options.alg && !required.has(options.alg)) throw tokenError('key_algorithm_unused', { alg: options.alg });
    return [...(options.alg ? [options.alg] : required)].flatMap((alg): Step[] => {
      const { current, next } = keysForAlg(keys, alg);
      if (!current) return [activateOrMake(alg, next)];
      if (options.isNow)
        return next ? replaceCurrent(current, next, audit.at) : [retireStep(current, audit.at), { kind: 'make', alg }];
      return next ? [] : [{ kind: 'publish', alg, activateAt: plusSeconds(audit.at, options.leadSeconds) }];
    });
  });
}

/** The number of the lock; only Signet uses it (the bytes of "keys"). */
export const KEYS_LOCK = 0x6b657973;

/**
 * Plans without a lock first, so that nothing due costs one read; then plans again under the lock and takes the steps.
 */
export async function applySteps(
  em: SqlEntityManager,
  audit: AuditContext,
  masterKey: Buffer,
  plan: PlanSteps,
): Promise<Step[]> {
  const generated = new Map<Alg, NewKey>();
  const planned = plan(await readKeys(em), await requiredAlgorithms(em));
  if (planned.length === 0) return [];
  for (const step of planned)
    if (step.kind === 'make' || step.kind === 'publish') generated.set(step.alg, await generateKey(step.alg));
  return em.transactional(async (tx) => {
    await tx.execute('select pg_advisory_xact_lock(?)', [KEYS_LOCK]);
    const keys = await readKeys(tx);
    const steps = plan(keys, await requiredAlgorithms(tx));
    if (steps.length === 0) return [];
    for (const step of steps) await applyStep(tx, audit, step, { masterKey, keys, generated });
    await tx.flush();
    await announce(tx, KEYS_TOPIC);
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
  step: Step,
  {
    masterKey,
    keys,
    generated,
  }: {
    readonly masterKey: Buffer;
    readonly keys: readonly SigningKey[];
    readonly generated: ReadonlyMap<Alg, NewKey>;
  },
): Promise<void> {
  const { at } = audit;
  if (step.kind === 'make' || step.kind === 'publish') {
    // A node that was not restarted after `keys rewrap` must not add a key that the others cannot open.
    for (const key of keys) unsealKey(masterKey, key);
    const key = generated.get(step.alg) ?? (await generateKey(step.alg));
    return insertKey(tx, audit, masterKey, key, step.kind === 'publish' ? step.activateAt : null);
  }
  const key = keys.find((one) => one.kid === step.kid) as SigningKey;
  if (step.kind === 'activate') return setKeyState(tx, audit, key, { state: 'current', activatedAt: at });
  if (step.kind === 'retire') return setKeyState(tx, audit, key, { state: 'retiring', retireAt: step.retireAt });
  return setKeyState(tx, audit, key, { state: 'gone', retireAt: at, privateSealed: Buffer.alloc(0) });
}

/** Changes the state of a key, if it still has the state that was read. */
async function setKeyState(
  tx: SqlEntityManager,
  audit: AuditContext,
  key: SigningKey,
  to: { state: SigningKey['state']; activatedAt?: Date; retireAt?: Date; privateSealed?: Buffer },
): Promise<void> {
  const { kid, alg, state } = key;
  if ((await tx.nativeUpdate(SigningKey, { kid, state }, to)) !== 1) throw tokenError('keys_changed_meanwhile');
  recordChange(tx, audit, {
    action: 'change',
    object: { kind: 'signingkey', id: kid, label: kid },
    before: { alg, state },
    after: { alg, state: to.state, ...(to.state === 'retiring' ? { retireAt: to.retireAt?.toISOString() } : {}) },
  });
}
