import {
  type Application,
  type ApplicationText,
  buildApplication,
  buildCommand,
  buildRouteMap,
  type CommandContext,
  type Command as Route,
  type RouteMap,
  text_en,
} from '@stricli/core';
import type { Command, Input, Option } from './command.ts';
import { allOptions, type Section, sections } from './commands.ts';
import { optionHelp } from './usage.ts';

/** What the scanner read. */
export interface Call {
  readonly positionals: readonly string[];
  readonly options: Input['options'];
}

type OnCall = (call: Call) => void;

/** Returns the commands as an application of @stricli/core. It runs nothing: a call is passed to `onCall`, because a server may carry it out. */
export function createApp(onCall: OnCall, text: ApplicationText = text_en): Application<CommandContext> {
  const routes = sections.flatMap((one) => sectionRoutes(one, onCall));
  return buildApplication(
    buildRouteMap({ routes: nameTable(routes), docs: { brief: 'signet' } }),
    {
      name: 'signet',
      scanner: {
        caseStyle: 'original',
        allowArgumentEscapeSequence: true,
        // Up to two typing errors.
        distanceOptions: { threshold: 2, weights: { insertion: 1, deletion: 1, substitution: 1, transposition: 1 } },
      },
      localization: { text },
    },
    // No flags of the library: --help, --version and --json are possible before the name of the command too.
    {},
  );
}

type NamedRoute = readonly [name: string, route: Route<CommandContext> | RouteMap<CommandContext>];

function sectionRoutes({ noun, title, commands }: Section, onCall: OnCall): NamedRoute[] {
  const routes = commands.map((one) => [one.name.split(' ').at(-1) as string, createRoute(one, onCall)] as const);
  return noun === undefined ? routes : [[noun, buildRouteMap({ routes: nameTable(routes), docs: { brief: title } })]];
}

/** Returns an object without prototype: the library looks up names that people type, such as `constructor`. */
function nameTable<T>(entries: Iterable<readonly [string, T]>): Record<string, T> {
  return Object.assign(Object.create(null) as Record<string, T>, Object.fromEntries(entries));
}

function createRoute(command: Command, onCall: OnCall): Route<CommandContext> {
  const flags = nameTable(Object.entries(allOptions(command)).map(([name, one]) => [name, createFlag(one)]));
  // One list for all arguments: how many a command needs depends on --user-id, so `argumentProblem` counts them.
  const [{ help, proposals = [] } = { help: '' }] = command.args ?? [];
  const positional = {
    kind: 'array',
    parameter: { brief: help, parse: unchanged, proposeCompletions: () => proposals },
  };
  const func = (values: Input['options'], ...positionals: string[]) => {
    const options = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
    onCall({ positionals, options });
  };
  // The types of the library need the names of the options at compile time.
  return buildCommand({ func, parameters: { flags, positional }, docs: { brief: command.summary } } as never);
}

function createFlag(option: Option): object {
  const brief = optionHelp(option);
  const optional = option.isRequired ? {} : { optional: true };
  if (option.kind === 'toggle') return { kind: 'boolean', brief, withNegated: false, ...optional };
  if (option.kind === 'choice') return { kind: 'enum', brief, values: option.values, ...optional };
  const { kind, proposals = [] } = option;
  const variadic = kind === 'list' ? { variadic: true } : {};
  return { kind: 'parsed', brief, parse: unchanged, proposeCompletions: () => proposals, ...variadic, ...optional };
}

const unchanged = (text: string) => text;
