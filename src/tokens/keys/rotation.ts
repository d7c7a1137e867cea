import type { SigningKey } from '../entities.ts';

/** What the state machine knows of a key. */
export type KeyState = Pick<SigningKey, 'kid' | 'alg' | 'state'> & {
  readonly activateAt?: Date | null | undefined;
  readonly activatedAt?: Date | null | undefined;
  readonly retireAt?: Date | null | undefined;
};

export interface RotationPolicy {
  /** For how long a key is published before it signs, so that every verifier has it by then. */
  readonly leadSeconds: number;
  /** For how long a key signs; 0 = until somebody rotates it. */
  readonly rotationSeconds: number;
}

/** One change of one key. What several nodes want at once, one of them does. */
export type Step =
  /** An algorithm without any key: nobody keeps an older set of its keys, so this one signs at once. */
  | { readonly kind: 'make'; readonly alg: SigningKey['alg'] }
  | { readonly kind: 'publish'; readonly alg: SigningKey['alg']; readonly activateAt: Date }
  | { readonly kind: 'activate'; readonly kid: string }
  | { readonly kind: 'retire'; readonly kid: string; readonly retireAt: Date }
  /** No longer published; its private half is erased. */
  | { readonly kind: 'drop'; readonly kid: string };

/** The longest life of a token that was signed at the last moment (`--ttl` takes 900 s), and an hour. */
export const RETIREMENT_SECONDS = 900 + 3600;

export function later(at: Date, seconds: number): Date {
  return new Date(at.getTime() + seconds * 1000);
}

/**
 * What is due: next → current → retiring → gone, for each algorithm by itself. An algorithm that nobody asks for gives up its
 * keys in the same way. The steps stand in the order in which they can be taken: a current key retires before another takes its place.
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

/** There is at most one of each: unique indexes say so. */
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
  if (rotationSeconds === 0 || now < later(since, rotationSeconds - leadSeconds)) return [];
  return [{ kind: 'publish', alg, activateAt: later(now, leadSeconds) }];
}

/** Where no key signs: the one that is published already, or one that is made now. */
export function activateOrMake(alg: SigningKey['alg'], next: KeyState | undefined): Step {
  return next ? { kind: 'activate', kid: next.kid } : { kind: 'make', alg };
}

/** The other one signs from now on; this one stays for what it signed. */
export function replaceCurrent(current: KeyState, next: KeyState, now: Date): Step[] {
  return [retireStep(current, now), { kind: 'activate', kid: next.kid }];
}

function retireAlgorithm(current: KeyState | undefined, next: KeyState | undefined, now: Date): Step[] {
  return [...(current ? [retireStep(current, now)] : []), ...(next ? [{ kind: 'drop' as const, kid: next.kid }] : [])];
}

export function retireStep(current: KeyState, now: Date): Step {
  return { kind: 'retire', kid: current.kid, retireAt: later(now, RETIREMENT_SECONDS) };
}

function isDue(instant: Date | null | undefined, now: Date): boolean {
  return instant instanceof Date && instant <= now;
}
