import { Failure } from '../platform/errors.ts';
import { suggest } from '../platform/text.ts';
import { beforeEscape, findCommand } from './args.ts';
import type { Command, Input } from './command.ts';
import { commands, sections } from './commands.ts';
import { commandHelp, rootHelp, sectionHelp } from './help.ts';
import { scanArgs } from './scan.ts';
import { argumentProblem, usage, wrongUsage } from './usage.ts';
import { version } from './version.ts';

/** A call of a command, or a text to print: help, or the version. */
export type Parsed = ParsedCall | ParsedText;

interface ParsedCall {
  readonly kind: 'call';
  readonly command: Command;
  readonly input: Input;
  readonly isJson: boolean;
}

interface ParsedText {
  readonly kind: 'text';
  readonly text: string;
  readonly data: unknown;
  readonly isJson: boolean;
}

/** Reads a command line. Throws a Failure (usage) with the problem and, if there is a command, its usage line. */
export async function parseArgs(args: readonly string[]): Promise<Parsed> {
  const { name, command, rest } = findCommand(args[0] === 'help' ? [...args.slice(1), '--help'] : args);
  const options = beforeEscape(rest);
  const isJson = options.includes('--json');
  if (options.includes('--help') || options.includes('-h')) return { kind: 'text', isJson, ...help(name, command) };
  if (command) return { kind: 'call', command, input: await readInput(command, rest), isJson };
  if (name.length > 0) throw unknownCommand(name);
  const others = options.filter((option) => option !== '--json');
  if (others.length === 0) return { kind: 'text', isJson, ...help(name, command) };
  if (others.every((option) => option === '--version'))
    return { kind: 'text', isJson, text: version, data: { version } };
  throw new Failure('usage', 'The command is missing. To list the commands: npx signet --help');
}

async function readInput(command: Command, args: readonly string[]): Promise<Input> {
  const input = { ...(await scanArgs(command, args)), stdin: null, file: null };
  const problem = argumentProblem(command, input);
  if (problem !== undefined) throw wrongUsage(command, problem);
  return input;
}

function help(name: readonly string[], command: Command | undefined): { text: string; data: unknown } {
  if (command) return { text: commandHelp(command), data: { name: command.name, usage: usage(command) } };
  if (name.length === 0) return { text: rootHelp(), data: commands.map((one) => one.name) };
  const section = name.length === 1 ? findSection(name[0]) : undefined;
  if (!section) throw unknownCommand(name);
  return { text: sectionHelp(section), data: section.commands.map((one) => one.name) };
}

function findSection(noun: string | undefined) {
  return noun === undefined ? undefined : sections.find((one) => one.noun === noun);
}

function unknownCommand(name: readonly string[]): Failure {
  const [first = ''] = name;
  const typed = name.join(' ');
  const names = commands.map((one) => one.name);
  const nouns = sections.flatMap((one) => one.noun ?? []);
  const siblings = findSection(first)?.commands ?? [];
  const isNoun = siblings.length > 0 && name.length === 1;
  const near = suggest(typed, names) ?? suggest(first, [...names, ...nouns]);
  const parts = [
    isNoun ? '' : `There is no command "${typed}".`,
    near === undefined || isNoun ? '' : `Did you mean "${near}"?`,
    siblings.length > 0
      ? `There are: ${siblings.map((one) => `signet ${one.name}`).join(', ')}`
      : 'To list the commands: npx signet --help',
  ];
  return new Failure('usage', parts.filter((part) => part !== '').join(' '));
}
