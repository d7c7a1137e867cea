import { argon2Cost } from './hashers/bounds.ts';
import type { Argon2Parameters, Cost, Parsed } from './hashers/hasher.ts';
import { readPassword } from './passwords.ts';

/** Milliseconds per unit of each kind of work on this machine. */
export type HashSpeed = Readonly<Record<Cost['unit'], number>>;

/** The time limit of a verification, so that the deadline of refusals hides which hash was verified. */
export interface HashBudget {
  /** The delay of refusals; no allowed verification takes longer. */
  readonly deadlineMilliseconds: number;
  /** Returns the approximate milliseconds of a verification. */
  estimate(parsed: Parsed): number;
  /** Returns whether a verification ends before the deadline. A slower hash is not verified until its password is reset. */
  allows(parsed: Parsed): boolean;
}

/** A busy machine takes longer than an idle one, on which the speed was measured. */
const MARGIN = 1.25;

/**
 * The most expensive default of each of Django's hashers, in releases up to 6.1. Imported users with these can log in on a slow machine
 * too: there the deadline is later.
 */
const DJANGO_DEFAULTS: readonly Cost[] = [
  { unit: 'pbkdf2_sha256', amount: 1_500_000 },
  { unit: 'pbkdf2_sha1', amount: 1_500_000 },
  { unit: 'bcrypt', amount: 2 ** 12 },
  { unit: 'scrypt', amount: 2 ** 14 * 8 * 5 },
  { unit: 'argon2', amount: 102_400 * 2 },
];

/** `refusalMilliseconds` is the setting; 0 hides nothing and allows every hash within the bounds. */
export function hashBudget(speed: HashSpeed, refusalMilliseconds: number, own: Argon2Parameters): HashBudget {
  const hashMilliseconds = ({ unit, amount }: Cost) => speed[unit] * amount * MARGIN;
  const always = [...DJANGO_DEFAULTS, argon2Cost(own)].map(hashMilliseconds);
  const deadlineMilliseconds =
    refusalMilliseconds === 0 ? 0 : Math.max(refusalMilliseconds, Math.ceil(Math.max(...always)));
  const estimate = ({ cost }: Parsed) => (cost === null ? 0 : hashMilliseconds(cost));
  return {
    deadlineMilliseconds,
    estimate,
    allows: (parsed) => deadlineMilliseconds === 0 || estimate(parsed) <= deadlineMilliseconds,
  };
}

const zeroKey = (bytes: number) => Buffer.alloc(bytes).toString('base64');

/** One hash of each kind, cheap enough for every start. */
const SAMPLES = [
  `pbkdf2_sha256$10000$salt$${zeroKey(32)}`,
  `pbkdf2_sha1$10000$salt$${zeroKey(20)}`,
  `bcrypt$$2b$06$${'.'.repeat(22)}${'.'.repeat(31)}`,
  `scrypt$4096$salt$8$1$${zeroKey(64)}`,
  `argon2$argon2id$v=19$m=19456,t=1,p=1$c2FsdHNhbHQ$${zeroKey(32).replace(/=+$/, '')}`,
];
const RUNS = 5;

/** Measures this machine: the best of a few runs of each kind, because other processes may be busy. Takes about 0.1 s. */
export async function measureHashSpeed(now: () => number = () => performance.now()): Promise<HashSpeed> {
  const speed: Partial<Record<Cost['unit'], number>> = {};
  for (const sample of SAMPLES) {
    const parsed = readPassword(sample);
    if (!parsed?.cost) throw new Error(`the sample ${sample} cannot be read`);
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run < RUNS; run++) {
      const startedAt = now();
      await parsed.verify(Buffer.from('a password that nobody has'));
      best = Math.min(best, now() - startedAt);
    }
    speed[parsed.cost.unit] = best / parsed.cost.amount;
  }
  return speed as HashSpeed;
}
