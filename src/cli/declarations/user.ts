import { type Argument, type Command, isSet, type Options } from '../command.ts';
import {
  list,
  onOff,
  pageOptions,
  passwordOption,
  required,
  text,
  toggle,
  userArgument,
  userIdOption,
  withoutDefaults,
  yesOption,
} from './option.ts';

const fieldOptions: Options = {
  email: text('ADDRESS', "The e-mail address; '' for none", { default: 'none' }),
  'email-verified': onOff('Whether the address is verified; users can log in by a verified address', {
    default: 'off',
  }),
  'first-name': text('TEXT', 'The first name', { default: 'empty' }),
  'last-name': text('TEXT', 'The last name', { default: 'empty' }),
};

export const userCommands: readonly Command[] = [
  {
    kind: 'database',
    name: 'user create',
    summary: 'Create a user, who can log in once a password is set',
    args: [{ name: 'NAME', help: 'The username: letters, digits and . + - _' }],
    options: {
      ...fieldOptions,
      staff: toggle('Make the user staff (is_staff)'),
      superuser: toggle('Make the user a superuser (is_superuser), and staff too'),
      ...passwordOption,
    },
    examples: [
      'npx signet user create alice --email alice@example.com',
      'npx signet user create bob --staff --password-stdin < password.txt',
    ],
    readsStdin: (input) => isSet(input, 'password-stdin'),
    load: async () => (await import('../commands/user.ts')).userCreate,
  },
  {
    kind: 'database',
    name: 'user update',
    summary: "Change a user's fields and flags",
    notes: 'What you do not name stays as it is.',
    args: [userArgument],
    options: {
      ...userIdOption,
      ...withoutDefaults(fieldOptions),
      ...withoutDefaults({
        staff: onOff('Whether the user is staff (is_staff)'),
        superuser: onOff('Whether the user is a superuser (is_superuser)'),
      }),
    },
    examples: ['npx signet user update alice --first-name Alice --staff on'],
    load: async () => (await import('../commands/user.ts')).userUpdate,
  },
  {
    kind: 'database',
    name: 'user rename',
    summary: 'Change a username; the id, the rights and the sessions stay, and tokens are renewed',
    args: [userArgument, { name: 'NEW', help: 'The new username' }],
    options: userIdOption,
    examples: ['npx signet user rename alice alice.liddell'],
    load: async () => (await import('../commands/user.ts')).userRename,
  },
  {
    kind: 'database',
    name: 'user list',
    summary: 'List the users by name, one page at a time',
    options: pageOptions,
    examples: ['npx signet user list', 'npx signet user list --after alice --limit 20'],
    load: async () => (await import('../commands/user-show.ts')).userList,
  },
  {
    kind: 'database',
    name: 'user show',
    summary: "Show a user's fields, groups, flags at APIs, and how the password is stored",
    args: [userArgument],
    options: userIdOption,
    examples: ['npx signet user show alice'],
    load: async () => (await import('../commands/user-show.ts')).userShow,
  },
  {
    kind: 'database',
    name: 'user activate',
    summary: 'Allow a user to log in again',
    args: [userArgument],
    options: userIdOption,
    examples: ['npx signet user activate alice'],
    load: async () => (await import('../commands/user.ts')).userActivate,
  },
  {
    kind: 'database',
    name: 'user deactivate',
    summary: 'Stop a user from logging in; ends the sessions, keeps everything else',
    args: [userArgument],
    options: userIdOption,
    examples: ['npx signet user deactivate alice'],
    load: async () => (await import('../commands/user.ts')).userDeactivate,
  },
  {
    kind: 'database',
    name: 'user delete',
    summary: 'Delete a user and all personal data; the id stays and is never reused',
    notes: 'The command first shows what it will delete, and asks you to type the username, or the id.',
    args: [userArgument],
    options: { ...userIdOption, ...yesOption },
    examples: ['npx signet user delete alice'],
    confirm: async (input) => (await import('../commands/user-options.ts')).typedUser(input),
    load: async () => (await import('../commands/user-delete.ts')).userDelete,
  },
];

export const accountCommands: readonly Command[] = [
  {
    kind: 'database',
    name: 'setup-link',
    summary: 'Print a link that creates the first superuser; it replaces the link before',
    examples: ['npx signet setup-link'],
    load: async () => (await import('../commands/setup-link.ts')).setupLink,
  },
  {
    kind: 'database',
    name: 'createsuperuser',
    summary: 'Create a superuser; asks for what you do not name',
    usage: '[--username NAME] [--email ADDRESS] [--password-stdin | --noinput]',
    options: {
      username: text('NAME', 'The username', { default: 'asked for' }),
      email: text('ADDRESS', "The e-mail address; '' for none", { default: 'asked for' }),
      ...passwordOption,
      noinput: toggle('Ask nothing; without the options, use SIGNET_SUPERUSER_USERNAME, _EMAIL and _PASSWORD'),
    },
    examples: ['npx signet createsuperuser', 'npx signet createsuperuser --noinput'],
    readsStdin: (input) => isSet(input, 'password-stdin'),
    prompt: async (...all) => (await import('../commands/createsuperuser.ts')).promptSuperuser(...all),
    load: async () => (await import('../commands/createsuperuser.ts')).createsuperuser,
  },
  {
    kind: 'database',
    name: 'changepassword',
    summary: "Set a user's password; ends the sessions",
    args: [{ ...userArgument, name: 'USER' }],
    options: { ...userIdOption, ...passwordOption },
    examples: ['npx signet changepassword alice', 'npx signet changepassword alice --password-stdin < password.txt'],
    readsStdin: (input) => isSet(input, 'password-stdin'),
    prompt: async (input, terminal) => (await import('../prompts.ts')).promptPassword(input, terminal),
    load: async () => (await import('../commands/changepassword.ts')).changepassword,
  },
];

const group: Argument = { name: 'NAME', help: 'The name of the group' };
const members: Argument = { name: 'USER', help: 'The usernames', isList: true, orUserId: true };
const memberOptions: Options = {
  'user-id': list('ID', 'The id of a user, in addition to the usernames or instead of them'),
};

export const groupCommands: readonly Command[] = [
  {
    kind: 'database',
    name: 'group create',
    summary: 'Create a group',
    args: [group],
    examples: ["npx signet group create 'Poll editors'"],
    load: async () => (await import('../commands/group.ts')).groupCreate,
  },
  {
    kind: 'database',
    name: 'group list',
    summary: 'List the groups by name',
    examples: ['npx signet group list'],
    load: async () => (await import('../commands/group.ts')).groupList,
  },
  {
    kind: 'database',
    name: 'group show',
    summary: "Show a group's members and permissions",
    args: [group],
    examples: ["npx signet group show 'Poll editors'"],
    load: async () => (await import('../commands/group.ts')).groupShow,
  },
  {
    kind: 'database',
    name: 'group update',
    summary: 'Rename a group; its members and permissions stay',
    args: [group],
    options: { name: required(text('NEW', 'The new name')) },
    examples: ["npx signet group update 'Poll editors' --name Editors"],
    load: async () => (await import('../commands/group.ts')).groupUpdate,
  },
  {
    kind: 'database',
    name: 'group add',
    summary: 'Add users to a group',
    args: [group, members],
    options: memberOptions,
    examples: ["npx signet group add 'Poll editors' alice bob"],
    load: async () => (await import('../commands/group.ts')).groupAdd,
  },
  {
    kind: 'database',
    name: 'group remove',
    summary: 'Remove users from a group',
    args: [group, members],
    options: memberOptions,
    examples: ["npx signet group remove 'Poll editors' bob"],
    load: async () => (await import('../commands/group.ts')).groupRemove,
  },
  {
    kind: 'database',
    name: 'group delete',
    summary: 'Delete a group; its members lose its permissions',
    args: [group],
    examples: ["npx signet group delete 'Poll editors'"],
    load: async () => (await import('../commands/group.ts')).groupDelete,
  },
];
