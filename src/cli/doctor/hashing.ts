import { type Check, note, ok, warn } from './check.ts';

/** What hashing costs here, and what the settings make of it. */
export interface Hashing {
  /** Of one argon2 hash; null when the pool was too busy to try. */
  readonly medianMs: number | null;
  readonly width: number;
  readonly cores: number;
  /** libuv's, which argon2 runs on. */
  readonly threads: number;
  readonly queue: number;
  readonly waitMs: number;
  readonly refusalMs: number;
}

/** Below this a stolen database is cheap to try; above the other a login is slow and few may log in at once. */
const FAST_MS = 30;
const SLOW_MS = 500;

export function checkHashing(given: Hashing): Check[] {
  return [checkCost(given), checkPool(given), ...checkQueue(given)];
}

function checkCost({ medianMs }: Hashing): Check {
  const name = 'argon2';
  if (medianMs === null)
    return note(name, 'The hash pool is busy just now: not measured.', 'Try again when fewer people log in.');
  const took = `One hash takes ${medianMs.toFixed(0)} ms here`;
  if (medianMs < FAST_MS)
    return warn(
      name,
      `${took}: little work for whoever steals the database.`,
      'Raise SIGNET_ARGON2_MEMORY or SIGNET_ARGON2_ITERATIONS.',
    );
  if (medianMs > SLOW_MS)
    return warn(
      name,
      `${took}: logins are slow, and a storm of them lasts long.`,
      'Lower SIGNET_ARGON2_MEMORY or SIGNET_ARGON2_ITERATIONS, not below 19456 and 2.',
    );
  return ok(name, `${took}.`);
}

function checkPool({ width, cores, threads }: Hashing): Check {
  const name = 'hash pool';
  const said = `${width} at once on ${cores} ${cores === 1 ? 'core' : 'cores'}`;
  if (width > cores)
    return warn(
      name,
      `${said}: more only wait for each other.`,
      'Unset SIGNET_HASH_WIDTH (one less than there are cores).',
    );
  if (threads <= width)
    return warn(
      name,
      `${said}, of ${threads} threads in Node's pool: files and names wait for logins.`,
      `Set UV_THREADPOOL_SIZE to ${width + 4} or more (npx signet does so by itself).`,
    );
  if (width === cores && cores > 1)
    return note(name, `${said}: in a storm of logins tokens wait for a core.`, `Set SIGNET_HASH_WIDTH=${cores - 1}.`);
  return ok(name, `${said}.`);
}

function checkQueue({ medianMs, width, queue, waitMs, refusalMs }: Hashing): Check[] {
  if (medianMs === null) return [];
  const drainMs = (queue / width) * medianMs;
  const fits = Math.max(1, Math.floor((waitMs / medianMs) * width));
  const length =
    drainMs > waitMs
      ? warn(
          'hash queue',
          `${queue} may wait ${waitMs} ms, and working that off takes ${Math.round(drainMs)} ms: the last are refused after having waited.`,
          `Set SIGNET_HASH_QUEUE=${fits}, or raise SIGNET_HASH_WAIT_MS.`,
        )
      : ok('hash queue', `${queue} may wait; working that off takes ${Math.round(drainMs)} of ${waitMs} ms.`);
  if (refusalMs > medianMs * 1.5)
    return [length, ok('refusals', `Answered after ${refusalMs} ms, whatever was wrong.`)];
  return [
    length,
    warn(
      'refusals',
      `Answered after ${refusalMs} ms, and a hash alone takes ${medianMs.toFixed(0)}: durations tell who exists.`,
      `Set SIGNET_REFUSAL_MS=${Math.ceil((medianMs * 4) / 100) * 100}.`,
    ),
  ];
}
