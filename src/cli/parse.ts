import { parseArgs } from 'node:util';
import { Failure } from '../platform/errors.ts';
import { suggest } from '../platform/text.ts';
import type { Command, Input } from './command.ts';

export interface Parsed {
  readonly command: Command;
  readonly input: Input;
  readonly isJson: boolean;
  readonly isHelp: boolean;
}

/** Finds the named command and parses its options. Throws a Failure (usage) with the command's usage line. */
export function parseArguments(commands: readonly Command[], args: readonly string[]): Parsed {
  const plain = args.filter((word) => !word.startsWith('-'));
  const command =
    commands.find((one) => one.name === plain.slice(0, 2).join(' ')) ?? commands.find((one) => one.name === plain[0]);
  if (!command) throw unknownCommand(commands, plain);
  const rest = withoutName(args, command.name.split(' '));
  const options = { ...command.options, json: { type: 'boolean' }, help: { type: 'boolean' } } as const;
  try {
    const parsed = parseArgs({ args: rest, options, allowPositionals: true, strict: true });
    const { positionals } = parsed;
    const values: Input['options'] = parsed.values;
    const isHelp = values['help'] === true;
    const { min, max = Number.POSITIVE_INFINITY, orUserId } = command.args;
    const omitted = orUserId && values['user-id'] !== undefined ? 1 : 0;
    if (!isHelp && (positionals.length < min - omitted || positionals.length > max - omitted)) throw usage(command);
    return {
      command,
      input: { positionals, options: values, stdin: null, file: null },
      isJson: values['json'] === true,
      isHelp,
    };
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw usage(command, describe(error as Error, Object.keys(options)));
  }
}

/** Describes an error of parseArgs, with the option that was probably meant. */
function describe(error: Error, optionNames: readonly string[]): string {
  const problem = error.message.split(/\. (?=To specify)/)[0] as string;
  const name = /^Unknown option '--([^']+)'/.exec(problem)?.[1];
  const near = name === undefined ? undefined : suggest(name, optionNames);
  return near ? `${problem}. Did you mean --${near}?` : problem;
}

export function usage(command: Command, problem?: string): Failure {
  return new Failure(
    'usage',
    `${problem ? `${problem.replace(/[.?]?$/, (end) => end || '.')}\n` : ''}Usage: npx signet ${command.name} ${command.usage}`.trimEnd(),
  );
}

/** Removes the command name, whose words may be among options: `signet --json user list`. */
function withoutName(args: readonly string[], name: readonly string[]): string[] {
  const rest = [...args];
  for (const part of name) rest.splice(rest.indexOf(part), 1);
  return rest;
}

function unknownCommand(commands: readonly Command[], plain: readonly string[]): Failure {
  const [first = ''] = plain;
  if (first === '') return new Failure('usage', 'The command is missing. To list the commands: npx signet --help');
  const name = plain.slice(0, 2).join(' ');
  const names = commands.map((one) => one.name);
  const siblings = names.filter((name) => name.startsWith(`${first} `));
  const near = suggest(name, names) ?? suggest(first, names);
  const parts = [
    siblings.length > 0 && plain.length < 2 ? '' : `There is no command "${name}".`,
    near && (siblings.length === 0 || plain.length > 1) ? `Did you mean "${near}"?` : '',
    siblings.length > 0
      ? `There are: ${siblings.map((name) => `signet ${name}`).join(', ')}`
      : 'To list the commands: npx signet --help',
  ];
  return new Failure('usage', parts.filter((part) => part !== '').join(' '));
}

/** Returns the page of `signet --help`. */
export function helpPage(commands: readonly Command[]): string {
  const width = Math.max(...commands.map((one) => one.name.length));
  const lines = commands.map((one) => `  ${one.name.padEnd(width)}  ${one.summary}`);
  return [
    'signet: a stand-alone identity server',
    '',
    ...lines,
    '',
    'One command: npx signet COMMAND --help. Every command takes --json.',
    'Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 conflict, 5 cannot connect.',
  ].join('\n');
}

export function commandHelp(command: Command): string {
  return `${command.summary}\nUsage: npx signet ${command.name} ${command.usage}`.trimEnd();
}
