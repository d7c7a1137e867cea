import type { Argon2Parameters, Cost } from './hasher.ts';

/**
 * The maximum cost of one verification on any machine; `hash-budget.ts` limits the time on this one. A stored hash sets its own cost,
 * and imports bring hashes from elsewhere: without an upper bound one row of a dump could stop every login. The bounds are far above
 * the choices of any release of Django.
 */
export const BOUNDS = {
  pbkdf2Iterations: 4_000_000,
  bcryptCost: 14,
  scryptBytes: 128 * 1024 * 1024,
  scryptParallelism: 16,
  argon2MemoryKiB: 256 * 1024,
  argon2Iterations: 10,
  argon2Parallelism: 16,
} as const;

/** Returns null if `value` is at most `limit`, otherwise a phrase for the import report. */
export function over(what: string, value: number, limit: number): string | null {
  return value > limit ? `${what} ${value} is more than ${limit}` : null;
}

/** Checks the bounds of argon2, for stored hashes and for configured parameters. */
export function argon2OverBounds({ memoryKiB, iterations, parallelism }: Argon2Parameters): string | null {
  return (
    over('argon2 memory in KiB', memoryKiB, BOUNDS.argon2MemoryKiB) ??
    over('argon2 iterations', iterations, BOUNDS.argon2Iterations) ??
    over('argon2 parallelism', parallelism, BOUNDS.argon2Parallelism)
  );
}

/** Returns memory times passes. Lanes only spread that work over cores, which may not exist. */
export function argon2Cost({ memoryKiB, iterations }: Argon2Parameters): Cost {
  return { unit: 'argon2', amount: memoryKiB * iterations };
}
