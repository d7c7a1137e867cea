import { plusSeconds } from '../../platform/time.ts';
import type { SigningKey } from '../entities.ts';

/** The state of a key. */
export type KeyState = Pick<SigningKey, 'kid' | 'alg' | 'state'> & {
  readonly activateAt?: Date | null | undefined;
  readonly activatedAt?: Date | null | undefined;
  readonly retireAt?: Date | null | undefined;
};

export interface RotationPolicy {
  /** How long a key is published before it signs, so that every verifier has loaded it by then. */
  readonly leadSeconds: number;
  /** How long a key signs; 0: until an operator rotates it. */
  readonly rotationSeconds: number;
}

/** One change of one key. When several nodes plan the same step, one of them takes it. */
export type Step =
  /** For an algorithm without keys: no verifier has cached an older set, so the new key signs at once. */
  | { readonly kind: 'make'; readonly alg: SigningKey['alg'] }
  | { readonly kind: 'publish'; readonly alg: SigningKey['alg']; readonly activateAt: Date }
  | { readonly kind: 'activate'; readonly kid: string }
  | { readonly kind: 'retire'; readonly kid: string; readonly retireAt: Date }
  /** The key is no longer published, and its private half is erased. */
  | { readonly kind: 'drop'; readonly kid: string };

/** The longest lifetime of a token (`--ttl` takes at most 900 s) and an hour. */
export const RETIREMENT_SECONDS = 900 + 3600;

/**
 * Returns the steps that are due: next → current → retiring → gone, for each algorithm by itself. An algorithm that is
 * no longer in use loses its keys in the same way. Steps are in an order in which they can be taken: a current key
 * retires before another replaces it.
 */
export function stepsDue(
  keys: readonly KeyState[],
  required: ReadonlySet<SigningKey['alg']>,
  policy: RotationPolicy,
  now: Date,
): Step[] {
  const algorithms = new Set([...required, ...keys.map((key) => key.alg)]);
  const steps: Step[] = keys
    .filter((key) => key.state === 'retiring' && isDue(key.retireAt, now))
    .map((key) => ({ kind: 'drop', kid: key.kid }));
  for (const alg of algorithms) {
    const { current, next } = keysForAlg(keys, alg);
    steps.push(...(required.has(alg) ? rotate(alg, current, next, policy, now) : retireAlgorithm(current, next, now)));
  }
  return steps;
}

/** The current and the next key of an algorithm; unique indexes allow at most one of each. */
export function keysForAlg(keys: readonly KeyState[], alg: SigningKey['alg']) {
  const inState = (state: KeyState['state']) => keys.find((key) => key.alg === alg && key.state === state);
  return { current: inState('current'), next: inState('next') };
}

function rotate(
  alg: SigningKey['alg'],
  current: KeyState | undefined,
  next: KeyState | undefined,
  { leadSeconds, rotationSeconds }: RotationPolicy,
  now: Date,
): Step[] {
  if (!current) return [activateOrMake(alg, next)];
  if (next) return isDue(next.activateAt, now) ? replaceCurrent(current, next, now) : [];
  const since = current.activatedAt ?? now;
  if (rotationSeconds === 0 || now < plusSeconds(since, rotationSeconds - leadSeconds)) return [];
  return [{ kind: 'publish', alg, activateAt: plusSeconds(now, leadSeconds) }];
}

/** The step for an algorithm without a current key: activate the published next key, or make one. */
export function activateOrMake(alg: SigningKey['alg'], next: KeyState | undefined): Step {
  return next ? { kind: 'activate', kid: next.kid } : { kind: 'make', alg };
}

/** The next key signs from now on; the current one stays for verification. */
export function replaceCurrent(current: KeyState, next: KeyState, now: Date): Step[] {
  return [retireStep(current, now), { kind: 'activate', kid: next.kid }];
}

function retireAlgorithm(current: KeyState | undefined, next: KeyState | undefined, now: Date): Step[] {
  return [...(current ? [retireStep(current, now)] : []), ...(next ? [{ kind: 'drop' as const, kid: next.kid }] : [])];
}

export function retireStep(current: KeyState, now: Date): Step {
  return { kind: 'retire', kid: current.kid, retireAt: plusSeconds(now, RETIREMENT_SECONDS) };
}

function isDue(instant: Date | null | undefined, now: Date): boolean {
  return instant instanceof Date && instant <= now;
}
