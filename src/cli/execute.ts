import { DomainError, EXIT, Failure } from '../platform/errors.ts';
import { safeError } from '../platform/telemetry/index.ts';
import type { ControlResult } from '../server/control.ts';
import { type Context, type DatabaseCommand, type Input, isSet, type Output, type Terminal } from './command.ts';
import { toFailure } from './messages.ts';

/** The output and exit code of a command. */
export type Result = ControlResult;

/** Runs a command on an open database; every failure becomes one clear line and an exit code. */
export async function execute(
  command: DatabaseCommand,
  context: Context,
  input: Input,
  isJson: boolean,
): Promise<Result> {
  try {
    if (!command.allowsPendingMigrations) await requireMigrations(context);
    return toResult(await command.run(context, input), isJson);
  } catch (error) {
    return failed(error, isJson);
  }
}

export function toResult(output: Output | undefined, isJson: boolean): Result {
  if (!output) return { exit: EXIT.done, stdout: '', stderr: '' };
  if (output.exitCode !== undefined) return { exit: output.exitCode, stdout: '', stderr: '' };
  const rows = output.rows ? { rows: output.rows } : {};
  if (output.failure) return { ...failed(output.failure, isJson), ...rows };
  const exit = output.isFailure ? EXIT[output.failureKind ?? 'failed'] : EXIT.done;
  return {
    exit,
    stdout: `${isJson ? JSON.stringify(output.data, null, 2) : terminalText(output.text)}\n`,
    stderr: '',
    ...rows,
  };
}

export function failed(error: unknown, isJson: boolean): Result {
  const failure =
    error instanceof DomainError ? toFailure(error) : error instanceof Failure ? error : unexpected(error);
  const document = { error: { kind: failure.kind, message: failure.message, ...failure.details } };
  return {
    exit: EXIT[failure.kind],
    stdout: isJson ? `${JSON.stringify(document, null, 2)}\n` : '',
    stderr: `signet: ${terminalText(failure.message)}\n`,
  };
}

const REPORT = 'Run it again; if that does not help, report this line: it is a fault of Signet or of its database.';

/** An unexpected error: its class and message, without the stack and the values of a statement. */
function unexpected(error: unknown): Failure {
  if (!(error instanceof Error)) return new Failure('failed', `The command failed for an unknown reason. ${REPORT}`);
  const { message } = safeError(error) as { message: string };
  return new Failure('failed', `${message.split('\n')[0]} (${error.name}). ${REPORT}`);
}

async function requireMigrations({ db }: Context): Promise<void> {
  const pending = await db.migrations.pending();
  if (pending.length === 0) return;
  throw new Failure('failed', `The database lacks ${pending.length} migration(s). Run: npx signet migrate`);
}

/** Makes text safe for a terminal: names from outside may contain characters that move the cursor or reverse the text; line breaks and tabs stay. */
function terminalText(text: string): string {
  return text.replace(/(?![\n\t])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}

interface Confirmation {
  readonly command: DatabaseCommand;
  readonly input: Input;
  readonly isJson: boolean;
  readonly terminal: Terminal;
  readonly print: (text: string) => void;
  readonly run: RunInput;
}

/** Runs a command once, in this process or in the server. */
export type RunInput = (input: Input, isJson: boolean) => Promise<Result>;

/**
 * Runs a command. If it needs confirmation it first runs without `--yes`, which only reports what it would do; then the person types the
 * word. Throws a Failure without a terminal (usage), or for another word.
 */
export async function runConfirmed({ command, input, isJson, terminal, print, run }: Confirmation): Promise<Result> {
  const word = isSet(input, 'yes') ? undefined : command.confirm?.(input);
  if (word === undefined) return run(input, isJson);
  if (!terminal.isInteractive)
    throw new Failure('usage', 'This cannot be undone, and there is no terminal to confirm it. Add --yes.');
  const preview = await run(input, false);
  if (preview.exit !== EXIT.done) return isJson ? run(input, true) : preview;
  print(preview.stdout.trimEnd());
  const answer = await terminal.question(`Type ${word} to continue: `);
  if (answer.trim() !== word)
    throw new Failure(
      'failed',
      `The name is not the same. Nothing was deleted or changed. Run the command again, and type ${word}.`,
    );
  return run({ ...input, options: { ...input.options, yes: true } }, isJson);
}
