import { AUTH_METHODS, grantNames, PRESETS } from '../../oauth/client-settings/index.ts';
import { type Argument, type Command, type DatabaseCommand, type Options, optionText } from '../command.ts';
import { readText } from '../terminal.ts';
import { clientSettingOptions } from './client-settings.ts';
import { apiOption, choice, list, onOff, required, text, toggle, withoutDefaults } from './option.ts';

const client: Argument = { name: 'ID', help: 'The client, by its id or name' };

const GRANTS = Object.keys(grantNames);
const none = { default: 'none' };

/** Options of `client create` and `client update`; `none` removes a value. */
const settingOptions: Options = {
  'redirect-uri': list('URI', 'A URI to which a user returns after a sign-in', none),
  api: list('AUDIENCE', 'An API for which the client can request tokens', none),
  serves: list('AUDIENCE', 'An API whose tokens the client can introspect', none),
  grant: list('GRANT', `A grant type: ${GRANTS.join(', ')}; with create, in addition to those of the preset`, {
    default: 'those of the preset',
    proposals: GRANTS,
  }),
  auth: choice(AUTH_METHODS, 'The authentication method; a change away from client_secret ends the secrets', {
    default: 'that of the preset',
  }),
  ...clientSettingOptions(),
};

const FIRST_PARTY = 'carries all permissions of its users, and needs no consent';

/** The caller has the file of `--jwks`; a server may have the database, and gets the content. */
const jwksFileInput: Pick<DatabaseCommand, 'readsStdin' | 'readLocal'> = {
  readsStdin: (input) => optionText(input, 'jwks') === '-',
  async readLocal(input) {
    const path = optionText(input, 'jwks');
    if (path === undefined || path === 'none' || input.file) return input;
    const content = path === '-' ? (input.stdin ?? '') : await readText(path);
    return { ...input, file: { name: path === '-' ? 'standard input' : path, text: content } };
  },
};

const boundaryArguments: readonly Argument[] = [
  client,
  { name: 'PERM', help: 'The permissions, such as polls.add_choice', isList: true, isOptional: true },
];
const boundaryOptions: Options = {
  api: required(apiOption),
  all: toggle('Every permission that the API has now, instead of names'),
};
const boundaryUsage = 'ID --api AUDIENCE (PERM… | --all)';

export const clientCommands: readonly Command[] = [
  {
    kind: 'database',
    name: 'client create',
    summary: 'Register a client, a program that requests tokens; prints its secret once',
    args: [{ name: 'NAME', help: 'Its name, which users see on the consent page' }],
    options: {
      preset: required(choice(PRESETS, 'The kind of program; decides authentication, grant types and redirect URIs')),
      'first-party': toggle(`Your own program: ${FIRST_PARTY}`),
      ...settingOptions,
    },
    examples: [
      'npx signet client create Shop --preset web --redirect-uri https://shop.example.com/callback --api polls',
      'npx signet client create Backend --preset service --serves polls',
    ],
    ...jwksFileInput,
    load: async () => (await import('../commands/client.ts')).clientCreate,
  },
  {
    kind: 'database',
    name: 'client update',
    summary: 'Change a client',
    notes: 'What you do not name stays as it is. A list replaces the list before; none removes a value.',
    args: [client],
    options: {
      name: text('TEXT', 'The new name'),
      ...withoutDefaults({ 'first-party': onOff(`Whether it is your own program: ${FIRST_PARTY}`), ...settingOptions }),
    },
    examples: [
      'npx signet client update Shop --pkce if-sent',
      'npx signet client update Shop --api polls --api https://api.example.com',
    ],
    ...jwksFileInput,
    load: async () => (await import('../commands/client.ts')).clientUpdate,
  },
  {
    kind: 'database',
    name: 'client list',
    summary: 'List the clients by name',
    examples: ['npx signet client list'],
    load: async () => (await import('../commands/client.ts')).clientList,
  },
  {
    kind: 'database',
    name: 'client show',
    summary: "Show a client's settings, its boundary and the dates of its secrets, but no secret",
    args: [client],
    examples: ['npx signet client show Shop'],
    load: async () => (await import('../commands/client.ts')).clientShow,
  },
  {
    kind: 'database',
    name: 'client allow',
    summary: "Add permissions to a client's boundary: the most that it can carry of its users' permissions",
    usage: boundaryUsage,
    args: boundaryArguments,
    options: boundaryOptions,
    examples: [
      'npx signet client allow Shop --api polls polls.view_choice',
      'npx signet client allow Shop --api polls --all',
    ],
    load: async () => (await import('../commands/client-boundary.ts')).clientAllow,
  },
  {
    kind: 'database',
    name: 'client disallow',
    summary: "Remove permissions from a client's boundary; its tokens with more are suspended",
    usage: boundaryUsage,
    args: boundaryArguments,
    options: boundaryOptions,
    examples: ['npx signet client disallow Shop --api polls polls.view_choice'],
    load: async () => (await import('../commands/client-boundary.ts')).clientDisallow,
  },
  {
    kind: 'database',
    name: 'client rotate-secret',
    summary: 'Print a new secret; the one before stays valid for a day',
    args: [client],
    options: { now: toggle('End every earlier secret at once') },
    examples: ['npx signet client rotate-secret Shop'],
    load: async () => (await import('../commands/client.ts')).clientRotateSecret,
  },
  {
    kind: 'database',
    name: 'client disable',
    summary: 'Stop a client from getting tokens; introspection and has_perm refuse its tokens at once',
    args: [client],
    examples: ['npx signet client disable Shop'],
    load: async () => (await import('../commands/client.ts')).clientDisable,
  },
  {
    kind: 'database',
    name: 'client enable',
    summary: 'Allow a client to get tokens again',
    args: [client],
    examples: ['npx signet client enable Shop'],
    load: async () => (await import('../commands/client.ts')).clientEnable,
  },
  {
    kind: 'database',
    name: 'client delete',
    summary: 'Delete a client with its secrets and permissions',
    args: [client],
    examples: ['npx signet client delete Shop'],
    load: async () => (await import('../commands/client.ts')).clientDelete,
  },
  {
    kind: 'database',
    name: 'client registration-token',
    summary: 'Print a token with which programs register themselves (RFC 7591)',
    usage: '[--label TEXT] [--api AUDIENCE]… [--uses N] [--days N] | --list | --revoke LABEL',
    options: {
      label: text('TEXT', 'The name of the token, for --list and --revoke', { default: 'a random name' }),
      api: list('AUDIENCE', 'An API for which the registered clients can request tokens', none),
      uses: text('N', 'The number of clients that can register with it', { default: '1' }),
      days: text('N', 'The number of days for which it is valid', { default: '7' }),
      list: toggle('List the tokens instead'),
      revoke: text('LABEL', 'Revoke the token with this label instead; its clients stay'),
    },
    examples: [
      'npx signet client registration-token --label partners --api polls --uses 10',
      'npx signet client registration-token --revoke partners',
    ],
    load: async () => (await import('../commands/client-registration.ts')).clientRegistrationToken,
  },
];
