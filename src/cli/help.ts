import type { Command } from './command.ts';
import { allOptions, type Section, sections } from './commands.ts';
import { optionHelp, optionName, usage } from './usage.ts';

// The pages of --help. The library could write them too, but its pages have no place for the value of an option, or for examples.

/** Longer names push only their own line to the right. */
const MAX_COLUMN = 38;

export function rootHelp(): string {
  const lists = sections.map(({ title, commands }) => list(title, commandRows(commands), commandColumn));
  return [
    'signet: a stand-alone identity server',
    'Usage: npx signet COMMAND [option…]',
    ...lists,
    [
      'To explain one command: npx signet COMMAND --help',
      'Every command takes --json. To print the version: npx signet --version',
      'Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 conflict, 5 cannot connect.',
    ].join('\n'),
  ].join('\n\n');
}

/** Returns the page of a noun, such as `user`. */
export function sectionHelp({ title, noun, commands }: Section): string {
  return [
    `Usage: npx signet ${noun} COMMAND [option…]`,
    list(title, commandRows(commands)),
    `To explain one command: npx signet ${noun} COMMAND --help`,
  ].join('\n\n');
}

export function commandHelp(command: Command): string {
  const { summary, notes, args = [], examples } = command;
  const options = Object.entries(allOptions(command)).map(
    ([name, option]) => [optionName(name, option), optionHelp(option)] as const,
  );
  return [
    [`${summary}.`, ...(notes === undefined ? [] : [notes])].join('\n'),
    `Usage: npx signet ${usage(command)}`,
    ...(args.length === 0
      ? []
      : [
          list(
            'Arguments',
            args.map((one) => [one.name, one.help]),
          ),
        ]),
    list('Options', options),
    ['Examples:', ...examples.map((line) => `  ${line}`)].join('\n'),
  ].join('\n\n');
}

type Row = readonly [name: string, help: string];

const commandRows = (commands: readonly Command[]): Row[] => commands.map((one) => [one.name, one.summary]);

/** One column for all lists of the first page. */
const commandColumn = columnWidth(commandRows(sections.flatMap((one) => one.commands)));

function list(title: string, rows: readonly Row[], width = columnWidth(rows)): string {
  return [`${title}:`, ...rows.map(([name, help]) => `  ${name.padEnd(width)}  ${help}`)].join('\n');
}

function columnWidth(rows: readonly Row[]): number {
  return Math.max(0, ...rows.map(([name]) => name.length).filter((length) => length <= MAX_COLUMN));
}
