import type { EventEmitter } from 'node:events';
import { OUTPUT_CLOSED } from '../platform/errors.ts';

/** As a shell tells of a tool that ended because nobody read on (128 + SIGPIPE). */
const READER_GONE = 141;

/**
 * Whoever reads an answer may have had enough of it (`signet openapi | head -1`), and disks fill up: the process ends, with one
 * line at the most. A server (`dev`) drains first, as when it is told to stop. Answers the exit code of an output that failed.
 */
export function guardOutput(): () => number | undefined {
  let exit: number | undefined;
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (exit !== undefined) return;
    exit = code === 'EPIPE' ? READER_GONE : 1;
    if (code !== 'EPIPE') process.stderr.write(`signet: The output cannot be written (${code}).\n`);
    // Not by a signal: libraries listen to those too, to tidy up before they pass them on.
    if (!(process as EventEmitter).emit(OUTPUT_CLOSED)) process.exit(exit);
  });
  // Progress and log lines that nobody gets are no reason to leave work half done.
  process.stderr.on('error', () => {});
  return () => exit;
}

/** Packages ask for it as they are loaded. */
export function hasWorkingFolder(): boolean {
  try {
    process.cwd();
    return true;
  } catch {
    return false;
  }
}
