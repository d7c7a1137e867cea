import type { Command, Option } from './command.ts';
import { allOptions, commands } from './commands.ts';
import { wrongUsage } from './usage.ts';

/** The command that the arguments name, if there is one, and the arguments without its name. */
interface NamedCommand {
  readonly name: readonly string[];
  readonly command: Command | undefined;
  readonly rest: readonly string[];
}

/** Finds the command. Options may be before its name and within it: `signet --json user list`. */
export function findCommand(args: readonly string[]): NamedCommand {
  const plain = args.filter((arg) => !arg.startsWith('-'));
  const named = (length: number) => commands.find((one) => one.name === plain.slice(0, length).join(' '));
  const command = named(2) ?? named(1);
  const name = plain.slice(0, command ? command.name.split(' ').length : 2);
  const rest = [...args];
  for (const part of name) rest.splice(rest.indexOf(part), 1);
  return { name, command, rest };
}

/** Returns the arguments before `--`, which ends the options. */
export function beforeEscape(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--');
  return end < 0 ? args : args.slice(0, end);
}

/**
 * Spells the arguments of a command as the scanner of @stricli/core needs them. By itself the scanner takes `--email=`, `-5` and other unusual
 * options for positional arguments, allows a toggle to have a value, and refuses an option that is used twice; here the last use counts.
 */
export function normalizeArgs(command: Command, args: readonly string[]): string[] {
  const options = allOptions(command);
  const queue = [...args];
  const parts: string[][] = [];
  const lastUse = new Map<string, number>();
  for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
    if (arg === '--') return [...parts.flat(), arg, ...queue];
    if (!arg.startsWith('-') || arg === '-') {
      parts.push([arg]);
      continue;
    }
    const { name, value } = splitOption(arg);
    const option = arg.startsWith('--') && Object.hasOwn(options, name) ? options[name] : undefined;
    if (!option) {
      parts.push([unknownOption(command, arg)]);
      continue;
    }
    const earlier = option.kind === 'list' ? undefined : lastUse.get(name);
    if (earlier !== undefined) parts[earlier] = [];
    lastUse.set(name, parts.push(readOption(command, { name, option, value }, queue)) - 1);
  }
  return parts.flat();
}

/** Splits `--name=value`. */
function splitOption(arg: string): { name: string; value: string | undefined } {
  const end = arg.indexOf('=');
  return end < 0 ? { name: arg.slice(2), value: undefined } : { name: arg.slice(2, end), value: arg.slice(end + 1) };
}

interface UsedOption {
  readonly name: string;
  readonly option: Option;
  readonly value: string | undefined;
}

/** Returns the arguments of one option. Takes its value from the queue, unless `--name=value` has it. */
function readOption(command: Command, { name, option, value }: UsedOption, queue: string[]): string[] {
  if (option.kind === 'toggle') {
    if (value !== undefined) throw wrongUsage(command, `--${name} takes no value`);
    return [`--${name}`];
  }
  const text = value ?? queue.shift();
  if (text === undefined) throw wrongUsage(command, `--${name} needs a value`);
  if (value === undefined && text.startsWith('-') && text !== '-')
    throw wrongUsage(
      command,
      `--${name} needs a value, but "${text}" looks like an option. If it is the value, write --${name}=${text}`,
    );
  // The scanner reads `--name=value` only if the value is not empty and has no line break, and `--name value` only without a hyphen.
  return /^-.+$/.test(text) ? [`--${name}=${text}`] : [`--${name}`, text];
}

/** Returns the argument if the scanner takes it for an option: it finds the nearest name. */
function unknownOption(command: Command, arg: string): string {
  const [spelling = ''] = arg.split('=');
  if (/^-[a-z]+$|^--[a-z][\w.-]+$/i.test(spelling)) return spelling;
  throw wrongUsage(command, `There is no option ${spelling}`);
}
