import { type Check, note, ok, warn } from './check.ts';

/** What hashing costs here, and what the settings make of it. */
export interface Hashing {
  /** The package that computes argon2 here. */
  readonly engine: { readonly name: string; readonly isFast: boolean };
  /**
   * Of one argon2 hash: the fastest run says what the settings cost, the slowest how busy the machine is. Null when the pool was too
   * busy to try.
   */
  readonly hashMs: { readonly fastest: number; readonly slowest: number } | null;
  readonly width: number;
  readonly cores: number;
  /** libuv's, which argon2 runs on. */
  readonly threads: number;
  readonly queue: number;
  readonly waitMs: number;
  readonly refusalMs: number;
}

/**
 * Below this a stolen database is cheap to try; above the other a login is slow and few may log in at once. The first is what the
 * reference implementation takes: the fast package needs half of that for the same work, and is no worse a defence.
 */
const FAST_MS = 30;
const SPEED_UP = 2;
const SLOW_MS = 500;
/** A slowest run so many times the fastest one was slowed down by something else. */
const BUSY = 2;

export function checkHashing(given: Hashing): Check[] {
  return [checkCost(given), checkPool(given), ...checkQueue(given)];
}

function checkCost({ hashMs, engine }: Hashing): Check {
  const name = 'argon2';
  if (hashMs === null)
    return note(name, 'The hash pool is busy just now: not measured.', 'Try again when fewer people log in.');
  const { fastest, slowest } = hashMs;
  // Other work on the machine is no reason to change a setting.
  const busy = slowest > fastest * BUSY ? `, and up to ${slowest.toFixed(0)} while the machine is busy` : '';
  const took = `One hash takes ${fastest.toFixed(0)} ms here${busy}, by ${engine.name}`;
  if (fastest * (engine.isFast ? SPEED_UP : 1) < FAST_MS)
    return warn(
      name,
      `${took}: little work for whoever steals the database.`,
      'Raise SIGNET_ARGON2_MEMORY or SIGNET_ARGON2_ITERATIONS.',
    );
  if (fastest > SLOW_MS)
    return warn(
      name,
      `${took}: logins are slow, and a storm of them lasts long.`,
      'Lower SIGNET_ARGON2_MEMORY or SIGNET_ARGON2_ITERATIONS, not below 19456 and 2.',
    );
  if (!engine.isFast)
    return note(
      name,
      `${took}. The package @node-rs/argon2, which takes about half as long, does not load on this machine.`,
      'Run npm ci without --omit=optional.',
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

function checkQueue({ hashMs: measured, width, queue, waitMs, refusalMs }: Hashing): Check[] {
  if (measured === null) return [];
  const hashMs = measured.fastest;
  const drainMs = (queue / width) * hashMs;
  const fits = Math.max(1, Math.floor((waitMs / hashMs) * width));
  const length =
    drainMs > waitMs
      ? warn(
          'hash queue',
          `${queue} may wait ${waitMs} ms, and working that off takes ${Math.round(drainMs)} ms: the last are refused after having waited.`,
          `Set SIGNET_HASH_QUEUE=${fits}, or raise SIGNET_HASH_WAIT_MS.`,
        )
      : ok('hash queue', `${queue} may wait; working that off takes ${Math.round(drainMs)} of ${waitMs} ms.`);
  if (refusalMs > hashMs * 1.5) return [length, ok('refusals', `Answered after ${refusalMs} ms, whatever was wrong.`)];
  return [
    length,
    warn(
      'refusals',
      `Answered after ${refusalMs} ms, and a hash alone takes ${hashMs.toFixed(0)}: durations tell who exists.`,
      `Set SIGNET_REFUSAL_MS=${Math.ceil((hashMs * 4) / 100) * 100}.`,
    ),
  ];
}
