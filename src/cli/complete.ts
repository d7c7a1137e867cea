import { proposeCompletions } from '@stricli/core';
import { createApp } from './app.ts';

interface Proposal {
  readonly word: string;
  /** Its meaning, in one line. */
  readonly help: string;
}

/** Proposes words that can replace the last argument. Options only after a `-`: an empty word may become the name of a file. */
export async function complete(args: readonly string[]): Promise<Proposal[]> {
  const { before, prefix, last } = splitLast(args);
  const process = { stdout: { write: () => {} }, stderr: { write: () => {} } };
  const proposals = await proposeCompletions(
    createApp(() => {}),
    [...before, last],
    { process },
  );
  return proposals
    .filter(({ completion, kind }) => completion !== '--' && (kind !== 'argument:flag' || last.startsWith('-')))
    .map(({ completion, brief }) => ({ word: prefix + completion, help: brief }));
}

/** Splits off what is to be completed. bash passes `--name=value` as three words, and replaces the third; other shells pass and replace one. */
function splitLast(args: readonly string[]): { before: string[]; prefix: string; last: string } {
  // --json may be before the name of the command, where the library expects no option.
  const before = args.slice(0, -1).filter((arg) => arg !== '--json' && arg !== '=');
  const last = args.at(-1) ?? '';
  if (last === '=') return { before, prefix: '', last: '' };
  const [, option, value = ''] = /^(--[^=]+)=(.*)$/s.exec(last) ?? [];
  return option === undefined
    ? { before, prefix: '', last }
    : { before: [...before, option], prefix: `${option}=`, last: value };
}
