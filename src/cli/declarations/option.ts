import type { Argument, Option, Options } from '../command.ts';

// How options are declared, and the options that several commands share.

interface More {
  readonly default?: string;
  readonly proposals?: readonly string[];
}

export const text = (value: string, help: string, more: More = {}): Option => ({ kind: 'text', value, help, ...more });

/** An option that can be used several times. */
export const list = (value: string, help: string, more: More = {}): Option => ({ kind: 'list', value, help, ...more });

/** The first value is the default, unless `more` has another one or the option is required. */
export const choice = (values: readonly [string, ...string[]], help: string, more: More = {}): Option => ({
  kind: 'choice',
  values,
  help,
  default: values[0],
  ...more,
});

export const onOff = (help: string, more: More = {}): Option => choice(['on', 'off'], help, more);

export const toggle = (help: string): Option => ({ kind: 'toggle', help });

export const required = (option: Option): Option => ({ ...withoutDefault(option), isRequired: true });

/** For a command that changes something: what is not named stays as it is. */
export function withoutDefaults(options: Options): Options {
  return Object.fromEntries(Object.entries(options).map(([name, option]) => [name, withoutDefault(option)]));
}

function withoutDefault({ default: _, ...option }: Option): Option {
  return option;
}

export const SIGNING_ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const;

/** The user of a command that takes one. */
export const userArgument: Argument = { name: 'NAME', help: 'The username', orUserId: true };

export const userIdOption: Options = { 'user-id': text('ID', 'The id of the user, instead of the username') };

export const userOptions: Options = {
  user: text('NAME', 'The username'),
  'user-id': text('ID', 'The id of the user, instead of --user'),
};

export const granteeOptions: Options = {
  ...userOptions,
  group: text('NAME', 'The name of the group'),
  client: text('ID', 'The client, by its id or name'),
};

export const API_HELP = "The API, by its audience; signet is Signet's own API";

export const apiOption: Option = text('AUDIENCE', API_HELP);

export const yesOption: Options = { yes: toggle('Do not ask for confirmation; for scripts') };

export const pageOptions: Options = {
  after: text('NAME', 'Continue after this username, the last one of the page before', { default: 'the first page' }),
  limit: text('N', 'Users on a page, 1 to 1000', { default: '100' }),
};

export const passwordOption: Options = {
  'password-stdin': toggle('Read the password from standard input: one line'),
};
