import type { EventEmitter } from 'node:events';
import { OUTPUT_CLOSED } from '../platform/errors.ts';

/** The exit code of a program killed by SIGPIPE (128 + SIGPIPE). */
const SIGPIPE_EXIT = 141;

/**
 * Handles a closed or full standard output (`signet openapi | head -1`): the process exits with at most one line. A server (`dev`) drains
 * first, as on a signal. Returns a function that returns the exit code of a failed output.
 */
export function guardOutput(): () => number | undefined {
  let exit: number | undefined;
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (exit !== undefined) return;
    exit = code === 'EPIPE' ? SIGPIPE_EXIT : 1;
    if (code !== 'EPIPE')
      process.stderr.write(`signet: The output cannot be written (${code}). Write it to another place.\n`);
    // Not a signal: libraries listen to those too, and clean up before they pass them on.
    if (!(process as EventEmitter).emit(OUTPUT_CLOSED)) process.exit(exit);
  });
  // Lost progress and log lines must not interrupt the work.
  process.stderr.on('error', () => {});
  return () => exit;
}

/** Packages read it while they load. */
export function hasWorkingFolder(): boolean {
  try {
    process.cwd();
    return true;
  } catch {
    return false;
  }
}
