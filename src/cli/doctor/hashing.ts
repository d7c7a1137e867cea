import { type Check, note, ok, warn } from './check.ts';

/** Measurements of hashing on this machine, with the settings. */
export interface Hashing {
  /** The package that computes argon2 here. */
  readonly engine: { readonly name: string; readonly isFast: boolean };
  /**
   * Milliseconds of one argon2 hash: the fastest run shows the cost of the settings, the slowest how busy the machine is. Null if the pool
   * was too busy to measure.
   */
  readonly hashMs: { readonly fastest: number; readonly slowest: number } | null;
  readonly width: number;
  readonly cores: number;
  /** Threads of libuv's pool, in which argon2 runs. */
  readonly threads: number;
  readonly queue: number;
  readonly waitMs: number;
  readonly refusalMs: number;
}

/**
 * Below the first limit a stolen database is cheap to attack; above the second a login is slow and few can log in at once. The first is for
 * the reference implementation: the fast package needs half the time for the same work, and is no weaker.
 */
const FAST_MS = 30;
const SPEED_UP = 2;
const SLOW_MS = 500;
/** Above this ratio of slowest to fastest, other work slowed the runs down. */
const BUSY_RATIO = 2;

export function checkHashing(measurements: Hashing): Check[] {
  return [checkCost(measurements), checkPool(measurements), ...checkQueue(measurements)];
}

function checkCost({ hashMs, engine }: Hashing): Check {
  const name = 'argon2';
  if (hashMs === null)
    return note(name, 'The hash pool is busy, so hashing was not measured.', 'Try again when there are fewer logins.');
  const { fastest, slowest } = hashMs;
  // Other work on the machine is no reason to change a setting.
  const busy = slowest > fastest * BUSY_RATIO ? `, and up to ${slowest.toFixed(0)} while the machine is busy` : '';
  const summary = `One hash takes ${fastest.toFixed(0)} ms here${busy}, by ${engine.name}`;
  if (fastest * (engine.isFast ? SPEED_UP : 1) < FAST_MS)
    return warn(
      name,
      `${summary}: passwords of a stolen database could be found at low cost.`,
      'Raise SIGNET_ARGON2_MEMORY or SIGNET_ARGON2_ITERATIONS.',
    );
  if (fastest > SLOW_MS)
    return warn(
      name,
      `${summary}: logins are slow, and many at once have to wait.`,
      'Lower SIGNET_ARGON2_MEMORY or SIGNET_ARGON2_ITERATIONS, but not below 19456 and 2.',
    );
  if (!engine.isFast)
    return note(
      name,
      `${summary}. The package @node-rs/argon2, which takes about half as long, does not load on this machine.`,
      'Run npm ci without --omit=optional.',
    );
  return ok(name, `${summary}.`);
}

function checkPool({ width, cores, threads }: Hashing): Check {
  const name = 'hash pool';
  const summary = `${width} at once on ${cores} ${cores === 1 ? 'core' : 'cores'}`;
  if (width > cores)
    return warn(
      name,
      `${summary}: more hashes than cores only wait for each other.`,
      'Unset SIGNET_HASH_WIDTH: the default is one less than the number of cores.',
    );
  if (threads <= width)
    return warn(
      name,
      `${summary}, with ${threads} threads in Node's pool: reading files and resolving names wait for logins.`,
      `Set UV_THREADPOOL_SIZE to ${width + 4} or more, or start Signet with npx signet, which sets it.`,
    );
  if (width === cores && cores > 1)
    return note(name, `${summary}: during many logins, tokens wait for a core.`, `Set SIGNET_HASH_WIDTH=${cores - 1}.`);
  return ok(name, `${summary}.`);
}

function checkQueue({ hashMs: measured, width, queue, waitMs, refusalMs }: Hashing): Check[] {
  if (measured === null) return [];
  const hashMs = measured.fastest;
  const drainMs = (queue / width) * hashMs;
  const recommendedQueue = Math.max(1, Math.floor((waitMs / hashMs) * width));
  const length =
    drainMs > waitMs
      ? warn(
          'hash queue',
          `${queue} logins may wait up to ${waitMs} ms, but hashing them takes ${Math.round(drainMs)} ms: the last ones wait in vain.`,
          `Set SIGNET_HASH_QUEUE=${recommendedQueue}, or raise SIGNET_HASH_WAIT_MS.`,
        )
      : ok('hash queue', `${queue} logins may wait up to ${waitMs} ms; hashing them takes ${Math.round(drainMs)} ms.`);
  if (refusalMs > hashMs * 1.5)
    return [length, ok('refusals', `Failed logins are answered after ${refusalMs} ms, whatever the reason.`)];
  return [
    length,
    warn(
      'refusals',
      `Failed logins are answered after ${refusalMs} ms, but a hash takes ${hashMs.toFixed(0)} ms: the time tells which users exist.`,
      `Set SIGNET_REFUSAL_MS=${Math.ceil((hashMs * 4) / 100) * 100}.`,
    ),
  ];
}
