import type { Command, Option, Options } from './command.ts';
import { wrongUsage } from './usage.ts';

/** The words of a command line, sorted: the words of the command's name, the command if there is one, and all other words. */
export interface TypedWords {
  readonly name: readonly string[];
  readonly command: Command | undefined;
  readonly rest: readonly string[];
}

/** Finds the command. The words of its name may stand among options: `signet --json user list`. */
export function findCommand(commands: readonly Command[], words: readonly string[]): TypedWords {
  const plain = words.filter((word) => !word.startsWith('-'));
  const named = (count: number) => commands.find((one) => one.name === plain.slice(0, count).join(' '));
  const command = named(2) ?? named(1);
  const name = plain.slice(0, command ? command.name.split(' ').length : 2);
  const rest = [...words];
  for (const part of name) rest.splice(rest.indexOf(part), 1);
  return { name, command, rest };
}

/** Returns the words before `--`, which ends the options. */
export function optionWords(words: readonly string[]): readonly string[] {
  const end = words.indexOf('--');
  return end < 0 ? words : words.slice(0, end);
}

/**
 * Returns the words of a call as the scanner of @stricli/core reads them in the same sense. By itself it takes `--email=`, an option that it
 * cannot spell and a negative number for arguments, lets a toggle have a value, and refuses a second value where the last one counts.
 */
export function scannableWords(command: Command, options: Options, words: readonly string[]): string[] {
  const queue = [...words];
  const parts: string[][] = [];
  const places = new Map<string, number>();
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') return [...parts.flat(), word, ...queue];
    if (!word.startsWith('-') || word === '-') {
      parts.push([word]);
      continue;
    }
    const [spelling = '', ...values] = word.split('=');
    const name = spelling.slice(2);
    const option = spelling.startsWith('--') && Object.hasOwn(options, name) ? options[name] : undefined;
    if (!option) {
      parts.push([unknownOption(command, spelling)]);
      continue;
    }
    const value = values.length > 0 ? values.join('=') : undefined;
    const place = option.kind === 'list' ? undefined : places.get(name);
    if (place !== undefined) parts[place] = [];
    places.set(name, parts.push(optionPart(command, { name, option, value }, queue)) - 1);
  }
  return parts.flat();
}

/** Returns the words of one option. Takes its value from the queue if `--name=value` does not have it. */
function optionPart(
  command: Command,
  { name, option, value }: { readonly name: string; readonly option: Option; readonly value: string | undefined },
  queue: string[],
): string[] {
  if (option.kind === 'toggle') {
    if (value !== undefined) throw wrongUsage(command, `--${name} takes no value`);
    return [`--${name}`];
  }
  const text = value ?? queue.shift();
  if (text === undefined) throw wrongUsage(command, `--${name} needs a value`);
  if (value === undefined && text.startsWith('-') && text !== '-')
    throw wrongUsage(
      command,
      `--${name} needs a value, and "${text}" looks like an option. A value that begins with - is written --${name}=${text}`,
    );
  // The scanner reads a value after `=` only if it is in one line and not empty.
  return /^-.+$/.test(text) ? [`--${name}=${text}`] : [`--${name}`, text];
}

/** Returns the spelling if the scanner takes it for an option, so that it can propose another one. */
function unknownOption(command: Command, spelling: string): string {
  if (/^-[a-z]+$|^--[a-z][\w.-]+$/i.test(spelling)) return spelling;
  throw wrongUsage(command, `There is no option ${spelling}`);
}
