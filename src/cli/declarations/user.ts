import { type Argument, type Command, isSet, type Options } from '../command.ts';
import { typedUser } from '../commands/user-options.ts';
import { promptPassword } from '../prompts.ts';
import { list, onOff, pageOptions, passwordOption, required, text, toggle, userArgument, userIdOption, yesOption } from './option.ts';

const fieldOptions: Options = {
  email: text('ADDRESS', "E-mail address; '' for none"),
  'email-verified': onOff('Whether the address is known to be that of the user; people log in by a verified one'),
  'first-name': text('TEXT', 'First name'),
  'last-name': text('TEXT', 'Last name'),
};

export const userCommands: readonly Command[] = [
  {
    kind: 'database',
    name: 'user create',
    summary: 'Create a user; without a password nobody can log in as it',
    args: [{ name: 'NAME', help: 'Username: letters, digits and . + - _' }],
    options: {
      ...fieldOptions,
      staff: toggle('Make the user staff (is_staff)'),
      superuser: toggle('Make the user a superuser, and staff too'),
      ...passwordOption,
    },
    readsStdin: (input) => isSet(input, 'password-stdin'),
    load: async () => (await import('../commands/user.ts')).userCreate,
  },
  {
    kind: 'database',
    name: 'user update',
    summary: "Change a user's fields and flags",
    args: [userArgument],
    options: {
      ...userIdOption,
      ...fieldOptions,
      staff: onOff('Whether the user is staff (is_staff)'),
      superuser: onOff('Whether the user is a superuser (is_superuser)'),
    },
    load: async () => (await import('../commands/user.ts')).userUpdate,
  },
  {
    kind: 'database',
    name: 'user rename',
    summary: 'Give a user another name; the id, the rights and the sessions stay, tokens are renewed to say it',
    args: [userArgument, { name: 'NEW', help: 'The new username' }],
    options: userIdOption,
    load: async () => (await import('../commands/user.ts')).userRename,
  },
  {
    kind: 'database',
    name: 'user list',
    summary: 'Users by name, a page at a time',
    options: pageOptions,
    load: async () => (await import('../commands/user-show.ts')).userList,
  },
  {
    kind: 'database',
    name: 'user show',
    summary: "A user's fields, groups, flags at APIs, and how the password is stored",
    args: [userArgument],
    options: userIdOption,
    load: async () => (await import('../commands/user-show.ts')).userShow,
  },
  {
    kind: 'database',
    name: 'user activate',
    summary: 'Let a user log in again',
    args: [userArgument],
    options: userIdOption,
    load: async () => (await import('../commands/user.ts')).userActivate,
  },
  {
    kind: 'database',
    name: 'user deactivate',
    summary: 'Let a user log in no more; ends the sessions, keeps everything else',
    args: [userArgument],
    options: userIdOption,
    load: async () => (await import('../commands/user.ts')).userDeactivate,
  },
  {
    kind: 'database',
    name: 'user delete',
    summary: 'Delete a user for ever: erases what is personal, ends sessions and permissions; the id stays, unused',
    notes: 'Says first what goes with the user, and asks for the name, or the id, once more.',
    args: [userArgument],
    options: { ...userIdOption, ...yesOption },
    confirm: typedUser,
    load: async () => (await import('../commands/user-delete.ts')).userDelete,
  },
];

/** The commands about people that have no noun. */
export const accountCommands: readonly Command[] = [
  {
    kind: 'database',
    name: 'setup-link',
    summary: 'A new link to create the first administrator; ends the one before',
    load: async () => (await import('../commands/setup-link.ts')).setupLink,
  },
  {
    kind: 'database',
    name: 'createsuperuser',
    summary: 'Create an administrator; asks for what is not given',
    usage: '[--username NAME] [--email ADDRESS] [--password-stdin | --noinput]',
    options: {
      username: text('NAME', 'Username; asked for unless given'),
      email: text('ADDRESS', "E-mail address, '' for none; asked for unless given"),
      ...passwordOption,
      noinput: toggle('Ask nothing: take SIGNET_SUPERUSER_USERNAME, _EMAIL and _PASSWORD where no option says otherwise'),
    },
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
    readsStdin: (input) => isSet(input, 'password-stdin'),
    prompt: promptPassword,
    load: async () => (await import('../commands/changepassword.ts')).changepassword,
  },
];

const group: Argument = { name: 'NAME', help: 'Group' };
const members: Argument = { name: 'USER', help: 'Usernames', isList: true, orUserId: true };
const memberOptions: Options = { 'user-id': list('ID', 'Id of a user, beside or in place of the names') };

export const groupCommands: readonly Command[] = [
  {
    kind: 'database',
    name: 'group create',
    summary: 'Create a group',
    args: [group],
    load: async () => (await import('../commands/group.ts')).groupCreate,
  },
  {
    kind: 'database',
    name: 'group list',
    summary: 'Groups by name',
    load: async () => (await import('../commands/group.ts')).groupList,
  },
  {
    kind: 'database',
    name: 'group show',
    summary: "A group's members and permissions",
    args: [group],
    load: async () => (await import('../commands/group.ts')).groupShow,
  },
  {
    kind: 'database',
    name: 'group update',
    summary: 'Give a group another name; its members and permissions stay',
    args: [group],
    options: { name: required(text('NEW', 'The new name')) },
    load: async () => (await import('../commands/group.ts')).groupUpdate,
  },
  {
    kind: 'database',
    name: 'group add',
    summary: 'Add users to a group',
    args: [group, members],
    options: memberOptions,
    load: async () => (await import('../commands/group.ts')).groupAdd,
  },
  {
    kind: 'database',
    name: 'group remove',
    summary: 'Take users out of a group',
    args: [group, members],
    options: memberOptions,
    load: async () => (await import('../commands/group.ts')).groupRemove,
  },
  {
    kind: 'database',
    name: 'group delete',
    summary: 'Delete a group; its members lose what it gave them',
    args: [group],
    load: async () => (await import('../commands/group.ts')).groupDelete,
  },
];
