import type { Result } from './cli/execute.ts';

// The `signet` command. Only here does anything touch the process: words, environment, output, exit code.

/** As a shell tells of a tool that ended because nobody read on (128 + SIGPIPE). */
const READER_GONE = 141;

let outputExit: number | undefined;

// Whoever reads the answer may have had enough of it (`signet openapi | head -1`), and disks fill up.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  if (outputExit !== undefined) return;
  outputExit = code === 'EPIPE' ? READER_GONE : 1;
  if (code !== 'EPIPE') process.stderr.write(`signet: The output cannot be written (${code}).\n`);
  // A server (`dev`) drains, as when it is told to stop.
  if (process.listenerCount('SIGTERM') > 0) process.kill(process.pid, 'SIGTERM');
  else process.exit(outputExit);
});
// Progress and log lines that nobody gets are no reason to leave work half done.
process.stderr.on('error', () => {});

const result = await run(process.argv.slice(2));
process.stdout.write(result.stdout);
process.stderr.write(result.stderr);
process.exitCode = outputExit ?? result.exit;
// The line of a worker to its first process (`start --workers`) is not work.
process.channel?.unref();

async function run(words: readonly string[]): Promise<Result> {
  if (!hasWorkingFolder())
    return { exit: 1, stdout: '', stderr: 'signet: The working folder is gone. Change to one that exists.\n' };
  const print = (text: string) => process.stdout.write(text);
  if (words[0] === 'health') {
    const { runHealth } = await import('./cli/health.ts');
    return runHealth(words, process.env, print);
  }
  const { runCommand } = await import('./cli/run.ts');
  return runCommand(words, process.env, print, (line) => process.stderr.write(`${line}\n`));
}

/** Packages ask for it as they are loaded. */
function hasWorkingFolder(): boolean {
  try {
    process.cwd();
    return true;
  } catch {
    return false;
  }
}
