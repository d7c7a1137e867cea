import {
  type Application,
  type ApplicationText,
  ArgumentScannerError,
  buildApplication,
  buildCommand,
  buildRouteMap,
  type CommandContext,
  formatMessageForArgumentScannerError,
  help,
  proposeCompletions,
  type RouteMap,
  type Command as Route,
  run,
  text_en,
  version as versionFlag,
} from '@stricli/core';
import type { Argument, Command, Input, Option } from './command.ts';
import { commands, commonOptions, nouns } from './commands.ts';
import { usageText, valueText } from './usage.ts';
import { version } from './version.ts';

// The commands as an application of @stricli/core, which finds a command, reads its words, explains it and completes them. It prints and
// runs nothing: a call is recorded, a text is collected.

/** What the application found in the words. */
export interface AppResult {
  readonly call: Call | undefined;
  /** Help, or the version. */
  readonly text: string;
  /** What is wrong with the words of the command. */
  readonly problems: readonly string[];
  /** If there is no such command: the names that are near. */
  readonly corrections: readonly string[] | undefined;
}

interface Call {
  readonly command: Command;
  readonly positionals: readonly string[];
  readonly options: Input['options'];
}

export async function runApp(words: readonly string[]): Promise<AppResult> {
  const found: Found = { problems: [] };
  let text = '';
  const stdout = {
    write: (part: string) => {
      text += part;
    },
  };
  await run(createApp(found), words, { process: { stdout, stderr: silent } });
  const { call, problems, corrections } = found;
  return { call, text: text.replace(/ +$/gm, '').trimEnd(), problems, corrections };
}

export interface Completion {
  readonly word: string;
  /** A line about it. */
  readonly help: string;
}

/** Proposes words in the place of the last one. Options only after a `-`, because an empty word may become the name of a file. */
export async function complete(words: readonly string[]): Promise<Completion[]> {
  const last = words.at(-1) ?? '';
  const before = words.slice(0, -1).filter((word) => word !== '--json');
  const proposals = await proposeCompletions(createApp({ problems: [] }), [...before, last], {
    process: { stdout: silent, stderr: silent },
  });
  return proposals
    .filter(({ completion, kind }) => completion !== '--' && (kind !== 'argument:flag' || last.startsWith('-')))
    .map(({ completion, brief }) => ({ word: completion, help: brief }));
}

const silent = { write: () => {} };

interface Found {
  call?: Call;
  corrections?: readonly string[];
  readonly problems: string[];
}

function createApp(found: Found): Application<CommandContext> {
  const formatting = { caseStyle: 'original', useAliasInUsageLine: false, onlyRequiredInUsageLine: false } as const;
  const shown = { hidden: false, complete: true };
  return buildApplication(
    createRoot(found),
    {
      name: 'npx signet',
      scanner: {
        caseStyle: 'original',
        allowArgumentEscapeSequence: true,
        // A typing error or two.
        distanceOptions: { threshold: 2, weights: { insertion: 1, deletion: 1, substitution: 1, transposition: 1 } },
      },
      documentation: { disableAnsiColor: true },
      localization: { text: createTexts(found) },
    },
    {
      help: help({ ...shown, brief: 'Print this page', alias: 'h', defaultForRouteMap: true, formatting }),
      version: versionFlag({ ...shown, brief: 'Print the version', alias: false, info: { currentVersion: version } }),
    },
  );
}

function createRoot(found: Found): RouteMap<CommandContext> {
  const routes = routeTable<Route<CommandContext> | RouteMap<CommandContext>>();
  const byNoun = Map.groupBy(commands, ({ name }) => name.split(' ')[0] as string);
  for (const [first, group] of byNoun) {
    const brief = nouns[first];
    const verbs = routeTable<Route<CommandContext>>();
    for (const command of group) verbs[command.name.slice(first.length + 1)] = createRoute(command, found);
    routes[first] =
      brief === undefined ? (verbs[''] as Route<CommandContext>) : buildRouteMap({ routes: verbs, docs: { brief } });
  }
  return buildRouteMap({ routes, docs: { brief: TITLE, fullDescription: DESCRIPTION } });
}

const TITLE = 'signet: a stand-alone identity server';
const DESCRIPTION = `${TITLE}

One command: npx signet COMMAND --help. Every command takes --json.
Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 conflict, 5 cannot connect.`;

/** Returns an object without prototype: the library looks names up that a person typed, such as `constructor`. */
function routeTable<T>(entries: Record<string, T> = {}): Record<string, T> {
  return Object.assign(Object.create(null) as Record<string, T>, entries);
}

/** The usage line is that of the command: the library cannot say that one option replaces another. */
function createRoute(command: Command, found: Found): Route<CommandContext> {
  const { args = [], options = {}, notes, summary } = command;
  const usage = usageText(command);
  const parameters = {
    flags: routeTable(
      Object.fromEntries(Object.entries({ ...options, ...commonOptions }).map(([name, one]) => [name, flagOf(one)])),
    ),
    positional: positionalsOf(args),
  };
  const func = (flags: Input['options'], ...positionals: (string | undefined)[]) => {
    const given = Object.entries(flags).filter(([, value]) => value !== undefined);
    found.call = {
      command,
      positionals: positionals.filter((one) => one !== undefined),
      options: Object.fromEntries(given),
    };
  };
  const fullDescription = notes === undefined ? summary : `${summary}\n${notes}`;
  // The names of options are known only here, and the types of the library want them at compile time.
  const docs = { brief: summary, fullDescription, customUsage: [usage] };
  const route: Route<CommandContext> = buildCommand({ func, parameters, docs } as never);
  return { ...route, formatUsageLine: ({ prefix }) => [...prefix, usage].join(' ').trimEnd() };
}

function flagOf(option: Option): object {
  const { help: brief, isRequired, kind } = option;
  const optional = isRequired ? {} : { optional: true };
  if (kind === 'toggle') return { kind: 'boolean', brief, optional: true, withNegated: false };
  if (kind === 'choice') return { kind: 'enum', brief, values: option.values, ...optional };
  const { proposals = [] } = option;
  return {
    kind: 'parsed',
    parse: (text: string) => text,
    brief: `${valueText(option)}: ${brief}`,
    ...optional,
    ...(kind === 'list' ? { variadic: true } : {}),
    proposeCompletions: () => proposals,
  };
}

/** A list takes all arguments: the library knows no other kind of list. */
function positionalsOf(args: readonly Argument[]): object {
  const parse = (text: string) => text;
  const [first] = args;
  if (!args.at(-1)?.isList) {
    const optional = args.some((one) => one.orUserId) ? { optional: true } : {};
    const parameters = args.map(({ name, help: brief, isOptional, proposals = [] }) => {
      const own = isOptional ? { optional: true } : optional;
      return { placeholder: name, brief, parse, ...own, proposeCompletions: () => proposals };
    });
    return { kind: 'tuple', parameters };
  }
  const placeholder = args.map(({ name }) => name).join(' ');
  const brief = args.length === 1 ? first?.help : args.map((one) => `${one.name}: ${one.help}`).join('; ');
  const minimum = args.length === 1 && !first?.isOptional ? { minimum: 1 } : {};
  return { kind: 'array', parameter: { placeholder, brief, parse }, ...minimum };
}

function createTexts(found: Found): ApplicationText {
  const near = (names: readonly string[]) => (names.length === 0 ? '' : ` Did you mean ${names.join(' or ')}?`);
  return {
    ...text_en,
    headers: { usage: 'Usage', aliases: 'Aliases', commands: 'Commands', flags: 'Options', arguments: 'Arguments' },
    briefs: { ...text_en.briefs, argumentEscapeSequence: 'What follows is no option, even if it begins with -' },
    noCommandRegisteredForInput: ({ corrections }) => {
      found.corrections = corrections.map((name) => name.replaceAll('`', ''));
      return '';
    },
    exceptionWhileParsingArguments: (error) => {
      if (!(error instanceof ArgumentScannerError)) throw error;
      const problem = formatMessageForArgumentScannerError(error, {
        FlagNotFoundError: ({ input, corrections }) =>
          `There is no option --${input}.${near(corrections.map((name) => `--${name}`))}`,
        AliasNotFoundError: ({ input }) => `There is no option -${input}.`,
        EnumValidationError: ({ externalFlagName, input, values }) =>
          `--${externalFlagName} takes ${values.join(' or ')}, not "${input}".`,
        UnsatisfiedFlagError: ({ externalFlagName }) => `--${externalFlagName} is missing.`,
        UnexpectedPositionalError: ({ input }) => `"${input}" is one argument too many.`,
        UnsatisfiedPositionalError: ({ placeholder }) => `${placeholder} is missing.`,
      });
      found.problems.push(problem);
      return '';
    },
  };
}
