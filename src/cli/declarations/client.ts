import { type Argument, type Command, type DatabaseCommand, optionText, type Options } from '../command.ts';
import { readText } from '../terminal.ts';
import { apiOption, choice, list, onOff, required, SIGNING_ALGORITHMS, text, toggle } from './option.ts';

const client: Argument = { name: 'ID', help: 'Client, by its id or name' };

const PRESETS = ['web', 'spa', 'native', 'service', 'device', 'mcp'];
const GRANTS = ['code', 'refresh', 'client-credentials', 'device', 'token-exchange'];
const ASSERTION_ALGORITHMS = ['ES256', 'PS256', 'RS256', 'EdDSA', 'none'];

/** Options of `client create` and `client update`. `none` removes a value. */
const settingOptions: Options = {
  'redirect-uri': list('URI', 'Where a user may be sent after a sign-in'),
  api: list('AUDIENCE', 'An API that the client asks tokens for'),
  serves: list('AUDIENCE', 'An API that the client serves: it may ask about its tokens'),
  grant: list('GRANT', `A grant beside those of the preset; with update, all of them: ${GRANTS.join(', ')}`, GRANTS),
  auth: choice(['client_secret', 'private_key_jwt', 'none'], "How it authenticates (default: the preset's); another way ends its secrets"),
  jwks: text('FILE|none', 'Its public keys, for private_key_jwt: a JWK Set; - for standard input'),
  'jwks-uri': text('URL|none', 'Where its public keys are, in place of --jwks'),
  'assertion-audience': choice(['issuer', 'issuer_or_token_endpoint'], 'What aud of its assertions may be (default: issuer)'),
  'assertion-alg': choice(ASSERTION_ALGORITHMS, 'The one algorithm of its assertions (default: every one that its keys are good for)'),
  pkce: choice(['on', 'if-sent', 'off'], 'Whether it must use PKCE; if-sent and off are for confidential clients (default: on)'),
  'require-par': onOff('Whether only pushed requests are taken from it, RFC 9126 (default: off)'),
  dpop: onOff('Whether its tokens are bound to its key, RFC 9449 (default: off)'),
  consent: choice(['ask', 'skip'], 'Whether a first-party client asks its users all the same (default: skip)'),
  'id-token-alg': choice(SIGNING_ALGORITHMS, 'Algorithm that signs its ID tokens (default: RS256)'),
  'userinfo-alg': choice([...SIGNING_ALGORITHMS, 'none'], 'Algorithm that signs userinfo; none: JSON (default: none)'),
  'permissions-in': choice(['userinfo', 'id_token'], 'Where the scope permissions says them; id_token: at both (default: userinfo)'),
  'max-age': text('SECONDS|none', 'How long ago its users may have signed in (default: any time)'),
  'refresh-idle': text('SECONDS|none', 'How long a refresh grant lives unused (default: SIGNET_REFRESH_IDLE)'),
  'refresh-ttl': text('SECONDS|none', 'How long a refresh grant lives at the most (default: SIGNET_REFRESH_ABSOLUTE)'),
  'refresh-rotation': onOff('Whether every refresh gives the next refresh token (default: on)'),
  'post-logout-redirect-uri': list('URI|none', 'Where a user may be sent after a logout'),
  'backchannel-logout-uri': text('URL|none', 'Where it is told of logouts'),
  'client-uri': text('URL|none', 'Its website, a link on the page of consent'),
  'logo-uri': text('URL|none', 'Its logo, for the answer of a registration'),
  'policy-uri': text('URL|none', 'Its privacy policy, a link on the page of consent'),
  'tos-uri': text('URL|none', 'Its terms of service, a link on the page of consent'),
};

/** The file of `--jwks` is on the caller's side, the database perhaps in a server, which gets the content. */
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
  { name: 'PERM', help: 'Permissions of the API, such as polls.add_choice', isList: true, isOptional: true },
];
const boundaryOptions: Options = {
  api: required(apiOption),
  all: toggle('Every permission that the API has now, in place of names'),
};
const boundaryUsage = 'ID --api AUDIENCE (PERM… | --all)';

export const clientCommands: readonly Command[] = [
  {
    kind: 'database',
    name: 'client create',
    summary: 'Register a program that asks for tokens; prints its secret this once',
    args: [{ name: 'NAME', help: 'Name, which people see on the page of consent' }],
    options: {
      preset: required(choice(PRESETS, 'Kind of program; decides about authentication, grants and redirect URIs')),
      'first-party': toggle("Yours: carries its users' permissions whole, and does not ask them"),
      ...settingOptions,
    },
    ...jwksFileInput,
    load: async () => (await import('../commands/client.ts')).clientCreate,
  },
  {
    kind: 'database',
    name: 'client update',
    summary: "Change a client; lists that are given replace the client's own",
    notes: 'What is not named stays as it is; none takes a value away.',
    args: [client],
    options: {
      name: text('TEXT', 'Another name'),
      'first-party': onOff("Whether it is yours: carries its users' permissions whole, and does not ask them"),
      ...settingOptions,
    },
    ...jwksFileInput,
    load: async () => (await import('../commands/client.ts')).clientUpdate,
  },
  {
    kind: 'database',
    name: 'client list',
    summary: 'Clients by name',
    load: async () => (await import('../commands/client.ts')).clientList,
  },
  {
    kind: 'database',
    name: 'client show',
    summary: 'A client with its settings, its boundary and when its secrets were made; never the secrets',
    args: [client],
    load: async () => (await import('../commands/client.ts')).clientShow,
  },
  {
    kind: 'database',
    name: 'client allow',
    summary: "Raise a client's boundary: what it may carry of its users' permissions when they consent",
    usage: boundaryUsage,
    args: boundaryArguments,
    options: boundaryOptions,
    load: async () => (await import('../commands/client-boundary.ts')).clientAllow,
  },
  {
    kind: 'database',
    name: 'client disallow',
    summary: "Lower a client's boundary: its tokens that say more are suspended, and their next ones say less",
    usage: boundaryUsage,
    args: boundaryArguments,
    options: boundaryOptions,
    load: async () => (await import('../commands/client-boundary.ts')).clientDisallow,
  },
  {
    kind: 'database',
    name: 'client rotate-secret',
    summary: 'A new secret; the one before stays good for a day, with --now it ends at once',
    args: [client],
    options: { now: toggle('End every secret before it at once') },
    load: async () => (await import('../commands/client.ts')).clientRotateSecret,
  },
  {
    kind: 'database',
    name: 'client disable',
    summary: 'Let a client get no more tokens; those it has are dead at introspection and has_perm at once',
    args: [client],
    load: async () => (await import('../commands/client.ts')).clientDisable,
  },
  {
    kind: 'database',
    name: 'client enable',
    summary: 'Let a client get tokens again',
    args: [client],
    load: async () => (await import('../commands/client.ts')).clientEnable,
  },
  {
    kind: 'database',
    name: 'client delete',
    summary: 'Delete a client with its secrets and permissions',
    args: [client],
    load: async () => (await import('../commands/client.ts')).clientDelete,
  },
  {
    kind: 'database',
    name: 'client registration-token',
    summary: 'A token with which programs register themselves (RFC 7591); printed this once',
    usage: '[--label TEXT] [--api AUDIENCE]… [--uses N] [--days N] | --list | --revoke LABEL',
    options: {
      label: text('TEXT', 'Name of the token in lists and for --revoke (default: made up)'),
      api: list('AUDIENCE', 'An API that those who register may ask tokens for'),
      uses: text('N', 'How many clients may register with it (default: 1)'),
      days: text('N', 'For how many days it is good (default: 7)'),
      list: toggle('List the tokens that there are'),
      revoke: text('LABEL', 'End the token of this label; the clients stay'),
    },
    load: async () => (await import('../commands/client-registration.ts')).clientRegistrationToken,
  },
];
