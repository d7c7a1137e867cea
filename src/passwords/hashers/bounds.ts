import type { Argon2Parameters, Cost, OverBound } from './hasher.ts';

/**
 * The maximum cost of one verification on any machine; `hash-budget.ts` limits the time on this one. A stored hash sets its own cost,
 * and imports bring hashes from elsewhere: without an upper bound one row of a dump could stop every login. The bounds are far above
 * the choices of any release of Django.
 */
const BOUNDS = {
  pbkdf2Iterations: 4_000_000,
  bcryptCost: 14,
  scryptBytes: 128 * 1024 * 1024,
  scryptParallelism: 16,
  argon2MemoryKiB: 256 * 1024,
  argon2Iterations: 10,
  argon2Parallelism: 16,
} as const satisfies Record<OverBound['bound'], number>;

/** Returns null if `value` is within the bound. */
export function over(bound: OverBound['bound'], value: number): OverBound | null {
  const max = BOUNDS[bound];
  return value > max ? { bound, value, max } : null;
}

/** Checks the bounds of argon2, for stored hashes and for configured parameters. */
export function argon2OverBounds({ memoryKiB, iterations, parallelism }: Argon2Parameters): OverBound | null {
  return (
    over('argon2MemoryKiB', memoryKiB) ?? over('argon2Iterations', iterations) ?? over('argon2Parallelism', parallelism)
  );
}

/** Returns memory times passes. Lanes only spread that work over cores, which may not exist. */
export function argon2Cost({ memoryKiB, iterations }: Argon2Parameters): Cost {
  return { unit: 'argon2', amount: memoryKiB * iterations };
}
