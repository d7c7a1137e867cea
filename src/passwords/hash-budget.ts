import { argon2Cost } from './hashers/bounds.ts';
import type { Argon2Parameters, Cost, Parsed } from './hashers/hasher.ts';
import { readPassword } from './passwords.ts';

/** Milliseconds that one unit of each kind of work takes on this machine. */
export type HashSpeed = Readonly<Record<Cost['unit'], number>>;

/** What a verification may take, so that the deadline of refusals hides which hash was verified. */
export interface HashBudget {
  /** Refusals are answered after this, and no verification that is admitted takes longer. */
  readonly deadlineMilliseconds: number;
  /** What verifying this takes here, about. */
  estimate(parsed: Parsed): number;
  /** Whether it ends before the deadline. What does not is verified by nobody until its password is reset. */
  admits(parsed: Parsed): boolean;
}

/** A busy machine takes longer than one that was measured alone. */
const MARGIN = 1.25;

/**
 * The dearest that releases of Django until 6.1 make without being told. Who comes from there logs in, also where the machine is slow: there the deadline
 * is later.
 */
const DEFAULTS_OF_DJANGO: readonly Cost[] = [
  { unit: 'pbkdf2_sha256', amount: 1_500_000 },
  { unit: 'pbkdf2_sha1', amount: 1_500_000 },
  { unit: 'bcrypt', amount: 2 ** 12 },
  { unit: 'scrypt', amount: 2 ** 14 * 8 * 5 },
  { unit: 'argon2', amount: 102_400 * 2 },
];

/** `refusalMilliseconds`: the setting; 0 hides nothing, and admits whatever is within the bounds. */
export function hashBudget(speed: HashSpeed, refusalMilliseconds: number, own: Argon2Parameters): HashBudget {
  const hashMilliseconds = ({ unit, amount }: Cost) => speed[unit] * amount * MARGIN;
  const always = [...DEFAULTS_OF_DJANGO, argon2Cost(own)].map(hashMilliseconds);
  const deadlineMilliseconds =
    refusalMilliseconds === 0 ? 0 : Math.max(refusalMilliseconds, Math.ceil(Math.max(...always)));
  const estimate = ({ cost }: Parsed) => (cost === null ? 0 : hashMilliseconds(cost));
  return {
    deadlineMilliseconds,
    estimate,
    admits: (parsed) => deadlineMilliseconds === 0 || estimate(parsed) <= deadlineMilliseconds,
  };
}

const NO_KEY = (bytes: number) => Buffer.alloc(bytes).toString('base64');

/** One of each kind, cheap enough for every start. */
const SAMPLES = [
  `pbkdf2_sha256$10000$salt$${NO_KEY(32)}`,
  `pbkdf2_sha1$10000$salt$${NO_KEY(20)}`,
  `bcrypt$$2b$06$${'.'.repeat(22)}${'.'.repeat(31)}`,
  `scrypt$4096$salt$8$1$${NO_KEY(64)}`,
  `argon2$argon2id$v=19$m=19456,t=1,p=1$c2FsdHNhbHQ$${NO_KEY(32).replace(/=+$/, '')}`,
];
const RUNS = 5;

/** Measures this machine: the best of a few runs of each kind, because others may be busy on it. Takes a tenth of a second. */
export async function measureHashSpeed(now: () => number = () => performance.now()): Promise<HashSpeed> {
  const speed: Partial<Record<Cost['unit'], number>> = {};
  for (const sample of SAMPLES) {
    const parsed = readPassword(sample);
    if (!parsed?.cost) throw new Error(`the sample ${sample} cannot be read`);
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run < RUNS; run++) {
      const began = now();
      await parsed.verify(Buffer.from('a password that nobody has'));
      best = Math.min(best, now() - began);
    }
    speed[parsed.cost.unit] = best / parsed.cost.amount;
  }
  return speed as HashSpeed;
}
