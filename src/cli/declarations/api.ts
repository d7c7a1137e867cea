import { type Argument, type Command, isSet, type Options } from '../command.ts';
import {
  apiOption,
  choice,
  granteeOptions,
  list,
  onOff,
  pageOptions,
  required,
  SIGNING_ALGORITHMS,
  text,
  toggle,
  yesOption,
} from './option.ts';

const PERMISSION = 'A permission, such as polls.add_choice';
const permissions: Argument = { name: 'PERM', help: PERMISSION, isList: true };
const grantee = '(--user NAME | --user-id ID | --group NAME | --client ID)';

export const permCommands: readonly Command[] = [
  {
    kind: 'database',
    name: 'perm grant',
    summary: 'Give permissions of an API to a user, group or client',
    usage: `${grantee} --api AUDIENCE PERM…`,
    args: [permissions],
    options: { ...granteeOptions, api: required(apiOption) },
    load: async () => (await import('../commands/perm.ts')).permGrant,
  },
  {
    kind: 'database',
    name: 'perm revoke',
    summary: 'Take away permissions that were given directly; says what is held still',
    usage: `${grantee} --api AUDIENCE PERM…`,
    args: [permissions],
    options: { ...granteeOptions, api: required(apiOption) },
    load: async () => (await import('../commands/perm.ts')).permRevoke,
  },
  {
    kind: 'database',
    name: 'perm list',
    summary: 'What a user, group or client may do; --explain says where each permission comes from',
    usage: `${grantee} [--api AUDIENCE] [--explain]`,
    options: {
      ...granteeOptions,
      api: text('AUDIENCE', "Permissions of this API only; signet is Signet's own (default: all)"),
      explain: toggle('Show where each permission comes from: given directly, by a group, as a superuser'),
    },
    load: async () => (await import('../commands/perm.ts')).permList,
  },
  {
    kind: 'database',
    name: 'perm holders',
    summary: 'Who has a permission: users directly, by a group or as superusers, a page at a time; and clients',
    args: [{ name: 'PERM', help: PERMISSION }],
    options: {
      api: required(apiOption),
      'include-inactive': toggle('Inactive users too, who may do nothing until they are activated'),
      'no-superusers': toggle('Leave out those who have it as superusers only'),
      ...pageOptions,
    },
    load: async () => (await import('../commands/perm-holders.ts')).permHolders,
  },
];

const api: Argument = { name: 'AUDIENCE', help: "API, by its audience; signet is Signet's own" };

const settingOptions: Options = {
  name: text('TEXT', 'Name for people (default: the audience)'),
  typ: choice(['at+jwt', 'JWT'], 'Header typ of access tokens (default: at+jwt); JWT is for libraries that refuse the other'),
  alg: choice(SIGNING_ALGORITHMS, 'Algorithm that signs access tokens (default: RS256)'),
  format: choice(['list', 'bitmap', 'scope', 'none'], 'How access tokens say permissions (default: list)'),
  token: choice(['jwt', 'opaque'], 'Access tokens that services verify, or that they have to ask about (default: jwt)'),
  ttl: text('SECONDS', 'How long an access token is good, 60 to 900 (default: 600)'),
  budget: text('BYTES', 'How long an access token may be, 1024 to 8192 (default: 4096)'),
  'over-budget': choice(['bitmap', 'fail'], 'What a list that is too long becomes (default: bitmap)'),
  username: onOff('Whether access tokens have the claim username (default: on)'),
  'source-id': onOff('Whether access tokens have the claim source_id: the primary key of an import (default: off)'),
  superseded: onOff('Whether a token gets status 3 when its user is given more (default: on)'),
  catalogue: choice(['public', 'authenticated'], 'Who may read the catalogue (default: public)'),
};

const LANGUAGES = ['ts', 'python', 'go', 'java'];

export const apiCommands: readonly Command[] = [
  {
    kind: 'database',
    name: 'api create',
    summary: "Register an API (a resource server that accepts Signet's tokens)",
    args: [{ name: 'AUDIENCE', help: 'Its name in tokens: a short name such as polls, or an absolute URI' }],
    options: settingOptions,
    load: async () => (await import('../commands/api.ts')).apiCreate,
  },
  {
    kind: 'database',
    name: 'api update',
    summary: "Change an API's settings; tokens follow at their next issue",
    notes: 'What is not named stays as it is.',
    args: [api],
    options: settingOptions,
    load: async () => (await import('../commands/api.ts')).apiUpdate,
  },
  {
    kind: 'database',
    name: 'api list',
    summary: 'Every API with its settings',
    load: async () => (await import('../commands/api.ts')).apiList,
  },
  {
    kind: 'database',
    name: 'api show',
    summary: "An API's settings, catalogue, models and permissions",
    args: [api],
    load: async () => (await import('../commands/api.ts')).apiShow,
  },
  {
    kind: 'database',
    name: 'api sync',
    summary: "Make an API's permissions and settings those of a file (YAML or JSON); --prune removes the rest",
    notes: `Such a file: {audience: polls, apps: {polls: {models: [question, choice], permissions: {publish_poll: Can publish poll}}}}.
--prune says first whose permissions end, and asks for the audience.`,
    args: [{ name: 'FILE', help: 'The file; - for standard input' }],
    options: { prune: toggle('Remove permissions that the file does not name, for ever'), ...yesOption },
    fileArgument: 0,
    // Only the room of permissions can read the audience out of the file.
    confirm: async (input) =>
      isSet(input, 'prune') ? (await import('../commands/api-sync.ts')).readFileAudience(input) : undefined,
    load: async () => (await import('../commands/api-sync.ts')).apiSync,
  },
  {
    kind: 'database',
    name: 'api check',
    summary: "Find permissions in a service's sources that the API does not have; exit code 1 if there are",
    notes: 'Reads .ts .js .py .go .java and .html, and their like.',
    args: [api, { name: 'DIR', help: 'Folder or file with the sources' }],
    options: { 'ignore-app': list('APP', 'Leave out permissions of this app, which belong to another API') },
    // The folder is on the caller's side, the catalogue perhaps in a server, which gets the findings, not the sources.
    readLocal: async (...all) => (await import('../commands/api-scan.ts')).readSources(...all),
    load: async () => (await import('../commands/api-check.ts')).apiCheck,
  },
  {
    kind: 'database',
    name: 'api constants',
    summary: 'Print a source file with a constant for every permission of an API',
    args: [api],
    options: { lang: required(choice(LANGUAGES, 'Language of the file')) },
    load: async () => (await import('../commands/api-constants.ts')).apiConstants,
  },
  {
    kind: 'database',
    name: 'api delete',
    summary: 'Delete an API with its permissions and everything that was given of it; says first what that is',
    notes: 'Asks for the audience once more.',
    args: [api],
    options: yesOption,
    confirm: ({ positionals }) => positionals[0],
    load: async () => (await import('../commands/api-delete.ts')).apiDelete,
  },
];
