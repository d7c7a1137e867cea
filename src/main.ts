/**
 * main: the process.
 * Owns: words and environment in, output and exit code out.
 */
import type { Result } from './cli/execute.ts';
import { guardOutput, hasWorkingFolder } from './cli/output.ts';

// The `signet` command. Only this file touches the process: arguments, environment, output, exit code.
const outputExit = guardOutput();
const result = await run(process.argv.slice(2));
process.stdout.write(result.stdout);
process.stderr.write(result.stderr);
process.exitCode = outputExit() ?? result.exit;
// The IPC channel of a worker (`start --workers`) must not keep the process alive.
process.channel?.unref();

async function run(args: readonly string[]): Promise<Result> {
  if (!hasWorkingFolder())
    return { exit: 1, stdout: '', stderr: 'signet: The working folder is gone. Change to one that exists.\n' };
  const { runCommand } = await import('./cli/run.ts');
  return runCommand(
    args,
    process.env,
    (text) => process.stdout.write(text),
    (line) => process.stderr.write(`${line}\n`),
  );
}
