import { runCommand } from './cli/run.ts';

// The `signet` command. Only here does anything touch the process: words, environment, output, exit code.
const result = await runCommand(
  process.argv.slice(2),
  process.env,
  (text) => process.stdout.write(text),
  (line) => process.stderr.write(`${line}\n`),
);
process.stdout.write(result.stdout);
process.stderr.write(result.stderr);
process.exitCode = result.exit;
