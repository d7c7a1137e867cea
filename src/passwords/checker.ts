import type { HashBudget } from './hash-budget.ts';
import type { Argon2Parameters, Parsed } from './hashers/hasher.ts';
import { hashPassword, isPasswordSized, needsUpgrade, readPassword, verifyPassword } from './passwords.ts';
import type { HashPool } from './pool.ts';

export type Verification =
  | { readonly ok: true; readonly matches: boolean; readonly isOutdated: boolean }
  | { readonly ok: false; readonly retryAfterSeconds: number };

/** Hashes and verifies passwords. Every call is one job of the bounded pool. */
export interface Passwords {
  /**
   * Runs exactly one verification. For null (no such user), an unusable or unreadable hash, and a hash that takes longer than the deadline
   * of refusals, it verifies a decoy and returns `matches: false`. `onStart` is called when the pool starts the job.
   */
  verify(password: string, encoded: string | null, onStart?: () => void): Promise<Verification>;
  /** The delay of refusals, which hides how long a verification took; absent if the setting decides. */
  readonly deadlineMilliseconds?: number;
  /** Returns the approximate milliseconds of a verification that is too slow to be hidden, and so is never run; null for other hashes. */
  tooSlow?(encoded: string): number | null;
  /** Hashes a new password. Returns null if the pool is busy. */
  hash(password: string): Promise<string | null>;
}

/** `budget` limits the time of a verification on this machine; without it only the bounds do. */
export async function createPasswords(
  pool: HashPool,
  parameters: Argon2Parameters,
  budget?: HashBudget,
): Promise<Passwords> {
  const decoy = await hashPassword('decoy', parameters);
  const canVerify = (stored: Parsed) =>
    stored.overBounds === null && stored.algorithm !== 'unusable' && (budget?.allows(stored) ?? true);
  return {
    ...(budget ? { deadlineMilliseconds: budget.deadlineMilliseconds } : {}),
    tooSlow(encoded) {
      const stored = readPassword(encoded);
      return !stored || !budget || budget.allows(stored) ? null : budget.estimate(stored);
    },
    async verify(password, encoded, onStart) {
      // Too long to be any user's password: refused without work, for every user alike.
      if (!isPasswordSized(password)) return { ok: true, matches: false, isOutdated: false };
      const stored = encoded === null ? null : readPassword(encoded);
      const isReal = stored !== null && canVerify(stored);
      const parsed = isReal ? stored : readPassword(decoy);
      if (!parsed) throw new Error('the decoy cannot be read');
      // The same number of threads for every user: the wait for them must not reveal the kind of hash.
      const outcome = await pool.run(parameters.parallelism, () => {
        onStart?.();
        return verifyPassword(password, parsed);
      });
      if (!outcome.ok) return outcome;
      const matches = isReal && outcome.value;
      return { ok: true, matches, isOutdated: matches && needsUpgrade(parsed, parameters) };
    },
    async hash(password) {
      if (!isPasswordSized(password)) throw new RangeError('a password that is too long was not refused');
      const outcome = await pool.run(parameters.parallelism, () => hashPassword(password, parameters));
      return outcome.ok ? outcome.value : null;
    },
  };
}
