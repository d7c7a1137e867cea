import type { Argon2Parameters, Cost } from './hasher.ts';

/**
 * What one verification may cost on any machine; what it may take on this one is `hash-budget.ts`'s. A stored hash names its own price, and an import brings hashes from elsewhere:
 * without an upper bound one row of a dump could stop every login. The bounds lie far above what any release of Django
 * ever chose.
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

/** Null when `value` is at most `limit`, else the phrase for the import report. */
export function over(what: string, value: number, limit: number): string | null {
  return value > limit ? `${what} ${value} is more than ${limit}` : null;
}

/** The bounds of argon2, for hashes that are read and for parameters that somebody configures. */
export function argon2OverBounds({ memoryKiB, iterations, parallelism }: Argon2Parameters): string | null {
  return (
    over('argon2 memory in KiB', memoryKiB, BOUNDS.argon2MemoryKiB) ??
    over('argon2 iterations', iterations, BOUNDS.argon2Iterations) ??
    over('argon2 parallelism', parallelism, BOUNDS.argon2Parallelism)
  );
}

/** Memory times passes. Lanes spread that work over cores which may not be there. */
export function argon2Cost({ memoryKiB, iterations }: Argon2Parameters): Cost {
  return { unit: 'argon2', amount: memoryKiB * iterations };
}
