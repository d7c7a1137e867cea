import { makeUnusable } from '../../passwords/index.ts';
import { createUser, getUser, renameUser, User, type UserChange, updateUser } from '../../users/index.ts';
import { type Context, type DatabaseCommand, type Input, isSet, type Output, optionText } from '../command.ts';
import { transaction } from '../context.ts';
import { usage } from '../parse.ts';
import { definedFields, onOff } from './options.ts';
import { hashNewPassword, readNewPassword } from './passwords.ts';
import { userAndArguments, userId } from './user-options.ts';
import { fieldFailure, wireUser } from './user-text.ts';

const fieldOptions = {
  email: { type: 'string' },
  'email-verified': { type: 'string' },
  'first-name': { type: 'string' },
  'last-name': { type: 'string' },
} as const;

const fieldUsage = '[--email E] [--email-verified on|off] [--first-name F] [--last-name L]';

const oneUser = { min: 1, max: 1, orUserId: true } as const;

function readFields(input: Input) {
  return definedFields({
    email: optionText(input, 'email')?.trim(),
    isEmailVerified: onOff(input, 'email-verified'),
    firstName: optionText(input, 'first-name'),
    lastName: optionText(input, 'last-name'),
  });
}

export const userCreate: DatabaseCommand = {
  kind: 'database',
  name: 'user create',
  summary: 'Create a user; without a password nobody can log in as it',
  usage: `NAME ${fieldUsage} [--staff] [--superuser] [--password-stdin]   (--superuser is staff too)`,
  options: {
    ...fieldOptions,
    staff: { type: 'boolean' },
    superuser: { type: 'boolean' },
    'password-stdin': { type: 'boolean' },
  },
  args: { min: 1, max: 1 },
  readsStdin: (input) => isSet(input, 'password-stdin'),
  async run(context, input) {
    const fields = { username: input.positionals[0] as string, ...readFields(input) };
    const hasPassword = isSet(input, 'password-stdin');
    const password = hasPassword ? await hashNewPassword(context, readNewPassword(input), fields) : makeUnusable();
    const isSuperuser = isSet(input, 'superuser');
    // As Django's create_superuser.
    const flags = { isStaff: isSuperuser || isSet(input, 'staff'), isSuperuser };
    const user = await transaction(context, async (tx) => {
      const created = await createUser(tx, context.audit(), { ...fields, ...flags, password });
      if (!(created instanceof User)) throw fieldFailure(created);
      return created;
    });
    const next = hasPassword ? '' : ` No password is set: npx signet changepassword ${user.username}`;
    return { data: { user: wireUser(user) }, text: `Created the user ${user.username}.${next}` };
  },
};

export const userUpdate: DatabaseCommand = {
  kind: 'database',
  name: 'user update',
  summary: "Change a user's fields and flags",
  usage: `(NAME | --user-id ID) ${fieldUsage} [--staff on|off] [--superuser on|off]`,
  options: { ...userId, ...fieldOptions, staff: { type: 'string' }, superuser: { type: 'string' } },
  args: oneUser,
  async run(context, input) {
    const change = {
      ...readFields(input),
      ...definedFields({ isStaff: onOff(input, 'staff'), isSuperuser: onOff(input, 'superuser') }),
    };
    if (Object.keys(change).length === 0) throw usage(userUpdate, 'Say what to change');
    return changeUser(context, input, change, 'Changed the user');
  },
};

export const userActivate: DatabaseCommand = {
  kind: 'database',
  name: 'user activate',
  summary: 'Let a user log in again',
  usage: '(NAME | --user-id ID)',
  options: userId,
  args: oneUser,
  run: (context, input) => changeUser(context, input, { isActive: true }, 'Activated the user'),
};

export const userDeactivate: DatabaseCommand = {
  kind: 'database',
  name: 'user deactivate',
  summary: 'Let a user log in no more; ends the sessions, keeps everything else',
  usage: '(NAME | --user-id ID)',
  options: userId,
  args: oneUser,
  run: (context, input) => changeUser(context, input, { isActive: false }, 'Deactivated the user'),
};

export const userRename: DatabaseCommand = {
  kind: 'database',
  name: 'user rename',
  summary: 'Give a user another name; the id, the rights and the sessions stay, tokens are renewed to say it',
  usage: '(NAME | --user-id ID) NEW',
  options: userId,
  args: { min: 2, max: 2, orUserId: true },
  async run(context, input) {
    const { user: userRef, args } = userAndArguments(input);
    const { before, user } = await transaction(context, async (tx) => {
      const existing = await getUser(tx, userRef);
      const { username } = existing;
      const renamed = await renameUser(tx, context.audit(), existing, args[0] as string);
      if (!(renamed instanceof User)) throw fieldFailure(renamed);
      return { before: username, user: renamed };
    });
    const isSame = before === user.username;
    const text = isSame
      ? `The user already has the name ${before}.`
      : `Renamed the user ${before} to ${user.username}.`;
    return { data: { user: wireUser(user), before }, text };
  },
};

async function changeUser(context: Context, input: Input, change: UserChange, verb: string): Promise<Output> {
  const user = await transaction(context, async (tx) => {
    const existing = await getUser(tx, userAndArguments(input).user);
    const changed = await updateUser(tx, context.audit(), existing, change);
    if (!(changed instanceof User)) throw fieldFailure(changed);
    return changed;
  });
  return { data: { user: wireUser(user) }, text: `${verb} ${user.username}.` };
}
