import { Failure } from '../platform/errors.ts';
import { runApp } from './app.ts';
import type { Command, Input } from './command.ts';
import { commands, commonOptions, nouns } from './commands.ts';
import { argumentProblem, usageText, wrongUsage } from './usage.ts';
import { version } from './version.ts';
import { findCommand, optionWords, scannableWords } from './words.ts';

/** A call of a command, or a text in its place: help, or the version. */
export type Parsed =
  | { readonly kind: 'call'; readonly command: Command; readonly input: Input; readonly isJson: boolean }
  | { readonly kind: 'text'; readonly text: string; readonly data: unknown; readonly isJson: boolean };

/** Reads a command line. Failure (usage): the problem, and the usage line of the command. */
export async function parseWords(words: readonly string[]): Promise<Parsed> {
  const { name, command, rest } = findCommand(commands, words[0] === 'help' ? [...words.slice(1), '--help'] : words);
  const options = optionWords(rest);
  const isJson = options.includes('--json');
  const isHelp = options.some((word) => word === '--help' || word === '-h');
  const isVersion = name.length === 0 && options.includes('--version');
  if (!isHelp && !command) requireText(name, options);
  const { call, text, problems, corrections } = await runApp([
    ...name,
    ...(isHelp ? ['--help'] : isVersion ? ['--version'] : []),
    ...(command && !isHelp ? scannableWords(command, { ...command.options, ...commonOptions }, rest) : []),
  ]);
  if (corrections) throw unknownCommand(name, corrections);
  if (command && problems.length > 0) throw wrongUsage(command, [...new Set(problems)].join(' '));
  if (!call) return { kind: 'text', text, data: isVersion ? { version } : helpData(name, command), isJson };
  const input = { positionals: call.positionals, options: call.options, stdin: null, file: null };
  const problem = argumentProblem(call.command, input);
  if (problem !== undefined) throw wrongUsage(call.command, problem);
  return { kind: 'call', command: call.command, input, isJson };
}

/** Without a command only a text can be asked for. A noun alone asks for none. */
function requireText(name: readonly string[], options: readonly string[]): void {
  if (name.length === 1 && Object.hasOwn(nouns, name[0] as string)) throw unknownCommand(name, []);
  if (name.length === 0 && options.some((word) => word !== '--json' && word !== '--version'))
    throw new Failure('usage', 'Say what to do. All commands: npx signet --help');
}

function helpData(name: readonly string[], command: Command | undefined): unknown {
  if (command) return { name: command.name, usage: usageText(command) };
  const [noun] = name;
  return commands.map((one) => one.name).filter((one) => noun === undefined || one.startsWith(`${noun} `));
}

function unknownCommand([first = '', second]: readonly string[], corrections: readonly string[]): Failure {
  const names = commands.map((one) => one.name);
  const siblings = names.filter((name) => name.startsWith(`${first} `));
  const near = corrections.map((one) => {
    if (siblings.length > 0) return `${first} ${one}`;
    return second !== undefined && names.includes(`${one} ${second}`) ? `${one} ${second}` : one;
  });
  const parts = [
    siblings.length > 0 && second === undefined
      ? ''
      : `There is no command "${second === undefined ? first : `${first} ${second}`}".`,
    near.length > 0 ? `Did you mean ${near.map((name) => `"${name}"`).join(' or ')}?` : '',
    siblings.length > 0
      ? `There are: ${siblings.map((name) => `signet ${name}`).join(', ')}`
      : 'All commands: npx signet --help',
  ];
  return new Failure('usage', parts.filter((part) => part !== '').join(' '));
}
