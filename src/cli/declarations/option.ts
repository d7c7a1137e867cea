import type { Argument, Option, Options } from '../command.ts';

// How options are declared, and those that several commands have.

export function text(value: string, help: string, proposals: readonly string[] = []): Option {
  return { kind: 'text', value, help, proposals };
}

/** An option that may be given several times. */
export function list(value: string, help: string, proposals: readonly string[] = []): Option {
  return { kind: 'list', value, help, proposals };
}

export const choice = (values: readonly string[], help: string): Option => ({ kind: 'choice', values, help });

export const onOff = (help: string): Option => choice(['on', 'off'], help);

export const toggle = (help: string): Option => ({ kind: 'toggle', help });

export const required = (option: Option): Option => ({ ...option, isRequired: true });

export const SIGNING_ALGORITHMS = ['RS256', 'ES256', 'EdDSA'];

/** The user of a command that takes one. */
export const userArgument: Argument = { name: 'NAME', help: 'Username', orUserId: true };

export const userIdOption: Options = { 'user-id': text('ID', 'Id of the user, in place of the name') };

export const userOptions: Options = { user: text('NAME', 'Username'), ...userIdOption };

export const granteeOptions: Options = {
  ...userOptions,
  group: text('NAME', 'Group, by its name'),
  client: text('ID', 'Client, by its id or name'),
};

export const apiOption: Option = text('AUDIENCE', "API, by its audience; signet is Signet's own");

export const yesOption: Options = { yes: toggle('Do it without asking; for scripts') };

export const pageOptions: Options = {
  after: text('NAME', 'Go on after this username, with which the page before ended'),
  limit: text('N', 'Users on a page, 1 to 1000 (default: 100)'),
};

export const passwordOption: Options = {
  'password-stdin': toggle('Read the password from standard input, one line'),
};
