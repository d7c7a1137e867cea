import type { HashBudget } from './hash-budget.ts';
import type { Argon2Parameters, Parsed } from './hashers/hasher.ts';
import { hashPassword, isPasswordSized, needsUpgrade, readPassword, verifyPassword } from './passwords.ts';
import type { HashPool } from './pool.ts';

export type Verification =
  | { readonly ok: true; readonly matches: boolean; readonly isOutdated: boolean }
  | { readonly ok: false; readonly retryAfterSeconds: number };

/** The one way to hash or verify: every call is one job of the bounded pool. */
export interface Passwords {
  /**
   * Exactly one verification, whatever there is to verify against: for null (nobody), an unusable or unreadable password,
   * and for one that would take longer than refusals do, a decoy of our own is verified and the answer is no. `started` is called when the pool has a place for it.
   */
  verify(password: string, encoded: string | null, started?: () => void): Promise<Verification>;
  /** When refusals are answered, so that this hides how long a verification took; absent = as the setting says. */
  readonly deadlineMilliseconds?: number;
  /** About how many milliseconds verifying this takes, where that is too long to be hidden: nobody can log in by it. Null where it is not. */
  tooSlow?(encoded: string): number | null;
  /** Hashes a new password. Null when the pool is busy. */
  hash(password: string): Promise<string | null>;
}

/** `budget`: what a verification may take here; absent = as much as the bounds allow. */
export async function createPasswords(
  pool: HashPool,
  parameters: Argon2Parameters,
  budget?: HashBudget,
): Promise<Passwords> {
  const decoy = await hashPassword('decoy', parameters);
  const admits = (stored: Parsed) =>
    stored.overBounds === null && stored.algorithm !== 'unusable' && (budget?.admits(stored) ?? true);
  return {
    ...(budget ? { deadlineMilliseconds: budget.deadlineMilliseconds } : {}),
    tooSlow(encoded) {
      const stored = readPassword(encoded);
      return !stored || !budget || budget.admits(stored) ? null : budget.estimate(stored);
    },
    async verify(password, encoded, started) {
      // It was never set, whoever's it is: no work at all, and so the same for everybody.
      if (!isPasswordSized(password)) return { ok: true, matches: false, isOutdated: false };
      const stored = encoded === null ? null : readPassword(encoded);
      const isReal = stored !== null && admits(stored);
      const parsed = isReal ? stored : readPassword(decoy);
      if (!parsed) throw new Error('the decoy cannot be read');
      // As many places for everybody: how long a login waits for them must not tell what hash is stored.
      const outcome = await pool.run(parameters.parallelism, () => {
        started?.();
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
