import { type Argument, type Command, isSet } from '../command.ts';
import { apiSettingOptions } from './api-settings.ts';
import {
  API_HELP,
  apiOption,
  choice,
  granteeOptions,
  list,
  pageOptions,
  required,
  text,
  toggle,
  withoutDefaults,
  yesOption,
} from './option.ts';

const permissions: Argument = { name: 'PERM', help: 'The permissions, such as polls.add_choice', isList: true };
const granteeUsage = '(--user NAME | --user-id ID | --group NAME | --client ID)';

export const permCommands: readonly Command[] = [
  {
    kind: 'database',
    name: 'perm grant',
    summary: 'Give permissions of an API to a user, group or client',
    usage: `${granteeUsage} --api AUDIENCE PERM…`,
    args: [permissions],
    options: { ...granteeOptions, api: required(apiOption) },
    examples: [
      'npx signet perm grant --user alice --api polls polls.add_choice',
      "npx signet perm grant --group 'Poll editors' --api polls polls.add_choice polls.change_choice",
    ],
    load: async () => (await import('../commands/perm.ts')).permGrant,
  },
  {
    kind: 'database',
    name: 'perm revoke',
    summary: 'Remove permissions that were given directly, and show those that remain by other ways',
    usage: `${granteeUsage} --api AUDIENCE PERM…`,
    args: [permissions],
    options: { ...granteeOptions, api: required(apiOption) },
    examples: ['npx signet perm revoke --user alice --api polls polls.add_choice'],
    load: async () => (await import('../commands/perm.ts')).permRevoke,
  },
  {
    kind: 'database',
    name: 'perm list',
    summary: 'List the permissions of a user, group or client',
    usage: `${granteeUsage} [--api AUDIENCE] [--explain]`,
    options: {
      ...granteeOptions,
      api: text('AUDIENCE', "Only the permissions of this API; signet is Signet's own API", { default: 'all APIs' }),
      explain: toggle('Show the source of each permission: given directly, by a group, as a superuser'),
    },
    examples: ['npx signet perm list --user alice --explain'],
    load: async () => (await import('../commands/perm.ts')).permList,
  },
  {
    kind: 'database',
    name: 'perm holders',
    summary: 'List who has a permission, directly, by a group or as a superuser: users page by page, and clients',
    args: [{ name: 'PERM', help: 'The permission, such as polls.add_choice' }],
    options: {
      api: required(apiOption),
      'include-inactive': toggle('Include inactive users, who would have it after an activation'),
      'no-superusers': toggle('Leave out users who have it only as superusers'),
      ...pageOptions,
    },
    examples: ['npx signet perm holders --api polls polls.add_choice'],
    load: async () => (await import('../commands/perm-holders.ts')).permHolders,
  },
];

const api: Argument = { name: 'AUDIENCE', help: API_HELP };

const settingOptions = apiSettingOptions();

export const apiCommands: readonly Command[] = [
  {
    kind: 'database',
    name: 'api create',
    summary: "Register an API (a resource server that accepts Signet's tokens)",
    args: [{ name: 'AUDIENCE', help: 'Its name in tokens: a short name such as polls, or an absolute URI' }],
    options: settingOptions,
    examples: ['npx signet api create polls', 'npx signet api create https://api.example.com --name Reports --ttl 300'],
    load: async () => (await import('../commands/api.ts')).apiCreate,
  },
  {
    kind: 'database',
    name: 'api update',
    summary: "Change an API's settings, for tokens from then on",
    notes: 'What you do not name stays as it is.',
    args: [api],
    options: withoutDefaults(settingOptions),
    examples: ['npx signet api update polls --format bitmap'],
    load: async () => (await import('../commands/api.ts')).apiUpdate,
  },
  {
    kind: 'database',
    name: 'api list',
    summary: 'List the APIs with their settings',
    examples: ['npx signet api list'],
    load: async () => (await import('../commands/api.ts')).apiList,
  },
  {
    kind: 'database',
    name: 'api show',
    summary: "Show an API's settings, catalogue, models and permissions",
    args: [api],
    examples: ['npx signet api show polls'],
    load: async () => (await import('../commands/api.ts')).apiShow,
  },
  {
    kind: 'database',
    name: 'api sync',
    summary: "Update an API's permissions and settings from a file (YAML or JSON)",
    notes: `For example: {audience: polls, apps: {polls: {models: [question, choice], permissions: {publish_poll: Can publish poll}}}}
With --prune the command first shows who loses permissions, and asks you to type the audience.`,
    args: [{ name: 'FILE', help: 'The file; - reads standard input' }],
    options: { prune: toggle('Remove permissions that are not in the file, for ever'), ...yesOption },
    examples: ['npx signet api sync polls.yaml', 'npx signet api sync polls.yaml --prune'],
    fileArgument: 0,
    // Only the command, with the room of permissions, can read the audience in the file.
    confirm: async (input) =>
      isSet(input, 'prune') ? (await import('../commands/api-sync.ts')).readFileAudience(input) : undefined,
    load: async () => (await import('../commands/api-sync.ts')).apiSync,
  },
  {
    kind: 'database',
    name: 'api check',
    summary: "Find permissions in a service's source code that the API does not have; exit 1 if there are any",
    notes: 'Reads .ts .js .py .go .java .html and similar files.',
    args: [api, { name: 'DIR', help: 'The folder or file with the source code' }],
    options: { 'ignore-app': list('APP', 'Ignore permissions of this app, which belong to another API') },
    examples: ['npx signet api check polls src'],
    // The caller has the folder; a server may have the catalogue. It gets the permissions that were found, not the source code.
    readLocal: async (...all) => (await import('../commands/api-scan.ts')).readSources(...all),
    load: async () => (await import('../commands/api-check.ts')).apiCheck,
  },
  {
    kind: 'database',
    name: 'api constants',
    summary: 'Print a source file with a constant for every permission of an API',
    args: [api],
    options: { lang: required(choice(['ts', 'python', 'go', 'java'], 'The language of the file')) },
    examples: ['npx signet api constants polls --lang ts > permissions.ts'],
    load: async () => (await import('../commands/api-constants.ts')).apiConstants,
  },
  {
    kind: 'database',
    name: 'api delete',
    summary: 'Delete an API with its permissions and all their assignments',
    notes: 'The command first shows what it will delete, and asks you to type the audience.',
    args: [api],
    options: yesOption,
    examples: ['npx signet api delete polls'],
    confirm: ({ positionals }) => positionals[0],
    load: async () => (await import('../commands/api-delete.ts')).apiDelete,
  },
];
