import { EXIT, Failure } from '../platform/errors.ts';
import { type DatabaseCommand, type Input, isSet, type Terminal } from './command.ts';
import type { Result } from './execute.ts';

/** One run of a command, wherever the database is. */
export type Run = (input: Input, isJson: boolean) => Promise<Result>;

/**
 * Runs a command. One that wants to be confirmed is run without `--yes` first, which only says what it would do; then the
 * person types the word. Failures: nobody to ask (usage), another word.
 */
export async function runConfirmed(
  command: DatabaseCommand,
  input: Input,
  isJson: boolean,
  terminal: Terminal,
  say: (text: string) => void,
  run: Run,
): Promise<Result> {
  const word = isSet(input, 'yes') ? undefined : command.confirm?.(input);
  if (word === undefined) return run(input, isJson);
  if (!terminal.isInteractive)
    throw new Failure('usage', 'This cannot be undone, and nobody is here to confirm it. Add --yes.');
  const preview = await run(input, false);
  if (preview.exit !== EXIT.done) return isJson ? run(input, true) : preview;
  say(preview.stdout.trimEnd());
  const typed = await terminal.question(`Type ${word} to go on: `);
  if (typed.trim() !== word) throw new Failure('failed', 'That is another name. Nothing was deleted or changed.');
  return run({ ...input, options: { ...input.options, yes: true } }, isJson);
}
