import { Failure } from '../platform/errors.ts';
import type { Argument, Command, Input, Option } from './command.ts';

/** With more optional options than this, the usage line says `[option…]`, and `--help` lists them. */
const MAX_LISTED_OPTIONS = 8;

/** Returns what follows the name of a command in its usage line. */
export function usageText({ args = [], options = {}, usage }: Command): string {
  if (usage !== undefined) return usage;
  const isReplaced = args.some((one) => one.orUserId);
  const all = Object.entries(options).filter(([name]) => !(isReplaced && name === 'user-id'));
  const optional = all.filter(([, option]) => !option.isRequired);
  const isLong = optional.length > MAX_LISTED_OPTIONS;
  const listed = isLong ? all.filter(([, option]) => option.isRequired) : all;
  return [...args.map(argumentText), ...listed.map(optionText), ...(isLong ? ['[option…]'] : [])].join(' ');
}

export function usageLine(command: Command): string {
  return `Usage: npx signet ${command.name} ${usageText(command)}`.trimEnd();
}

/** Returns the failure of a wrong call: the problem, and the usage line. */
export function wrongUsage(command: Command, problem: string): Failure {
  return new Failure('usage', `${problem.replace(/[.?]?$/, (end) => end || '.')}\n${usageLine(command)}`);
}

function argumentText({ name, isOptional, isList, orUserId }: Argument): string {
  const text = (orUserId ? `(${name} | --user-id ID)` : name) + (isList ? '…' : '');
  return isOptional ? `[${text}]` : text;
}

function optionText([name, option]: [string, Option]): string {
  const text = option.kind === 'toggle' ? `--${name}` : `--${name} ${valueText(option)}`;
  const isList = option.kind === 'list' ? '…' : '';
  return (option.isRequired ? text : `[${text}]`) + isList;
}

/** Returns the placeholder of an option's value, or its values: `on|off`; empty for a toggle. */
export function valueText(option: Option): string {
  if (option.kind === 'toggle') return '';
  return option.kind === 'choice' ? option.values.join('|') : option.value;
}

/** Returns the problem of a call with too few or too many arguments, if there is one. Each `--user-id` replaces the argument that allows it. */
export function argumentProblem({ args = [] }: Command, { positionals, options }: Input): string | undefined {
  const isReplaced = options['user-id'] !== undefined;
  const expected = args.filter((one) => !(isReplaced && one.orUserId));
  const missing = expected[positionals.length];
  if (missing && !missing.isOptional) return `${missing.name} is missing`;
  if (positionals.length <= expected.length || args.at(-1)?.isList) return undefined;
  const excess = `"${positionals[expected.length]}" is one argument too many`;
  return expected.length < args.length ? `${excess}: --user-id stands in place of one` : excess;
}
