import { Failure } from '../platform/errors.ts';
import type { Argument, Command, Input, Option } from './command.ts';

/** With more optional options than this, the usage line has `[option…]` instead, and `--help` lists them. */
const MAX_LISTED_OPTIONS = 8;

/** Returns the usage line of a command, without `npx signet`. */
export function usage(command: Command): string {
  const { name, args = [], options = {} } = command;
  if (command.usage !== undefined) return `${name} ${command.usage}`;
  const isReplaced = args.some((one) => one.orUserId);
  const all = Object.entries(options).filter(([option]) => !(isReplaced && option === 'user-id'));
  const isLong = all.filter(([, option]) => !option.isRequired).length > MAX_LISTED_OPTIONS;
  const listed = isLong ? all.filter(([, option]) => option.isRequired) : all;
  return [name, ...args.map(argumentUsage), ...listed.map(optionUsage), ...(isLong ? ['[option…]'] : [])].join(' ');
}

function argumentUsage({ name, isOptional, isList, orUserId }: Argument): string {
  const text = (orUserId ? `(${name} | --user-id ID)` : name) + (isList ? '…' : '');
  return isOptional ? `[${text}]` : text;
}

function optionUsage([name, option]: [string, Option]): string {
  const text = optionName(name, option);
  return (option.isRequired ? text : `[${text}]`) + (option.kind === 'list' ? '…' : '');
}

/** Returns an option with its value: `--ttl SECONDS`, `--staff on|off`, `--json`. */
export function optionName(name: string, option: Option): string {
  if (option.kind === 'toggle') return `--${name}`;
  return `--${name} ${option.kind === 'choice' ? option.values.join('|') : option.value}`;
}

/** Returns the meaning of an option, with its default. */
export function optionHelp({ help, isRequired, ...option }: Option): string {
  const notes = [
    isRequired ? 'required' : '',
    option.kind === 'list' ? 'can be repeated' : '',
    option.default === undefined ? '' : `default: ${option.default}`,
  ].filter(Boolean);
  return notes.length === 0 ? help : `${help} (${notes.join('; ')})`;
}

/** Returns the failure of a wrong call: the problem, and the usage line. */
export function wrongUsage(command: Command, problem: string): Failure {
  return new Failure('usage', `${problem.replace(/[.?]?$/, (end) => end || '.')}\nUsage: npx signet ${usage(command)}`);
}

/** Returns what is wrong with the number of arguments, if anything. `--user-id` replaces the argument that allows it. */
export function argumentProblem({ args = [] }: Command, { positionals, options }: Input): string | undefined {
  const isReplaced = options['user-id'] !== undefined;
  const expected = args.filter((one) => !(isReplaced && one.orUserId));
  const missing = expected[positionals.length];
  if (missing && !missing.isOptional) return `${missing.name} is missing`;
  if (positionals.length <= expected.length || args.at(-1)?.isList) return undefined;
  const excess = `"${positionals[expected.length]}" is one argument too many`;
  return expected.length < args.length
    ? `${excess}, because --user-id replaces ${args.find((one) => one.orUserId)?.name}`
    : excess;
}
