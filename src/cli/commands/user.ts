import { createUser, getUser, makeUnusable, User, type UserChange, updateUser } from '../../identity/index.ts';
import { type Context, type DatabaseCommand, type Input, isSet, type Output, optionText } from '../command.ts';
import { usage } from '../parse.ts';
import { changing } from './changing.ts';
import { given, onOff } from './options.ts';
import { hashNew, passwordOf } from './passwords.ts';
import { refusedFields, wireUser } from './user-picture.ts';
import { userAndWords, userId } from './whom.ts';

const nameOptions = {
  email: { type: 'string' },
  'first-name': { type: 'string' },
  'last-name': { type: 'string' },
} as const;

const oneUser = { min: 1, max: 1, orUserId: true } as const;

function fieldsOf(input: Input) {
  return given({
    email: optionText(input, 'email')?.trim(),
    firstName: optionText(input, 'first-name'),
    lastName: optionText(input, 'last-name'),
  });
}

export const userCreate: DatabaseCommand = {
  kind: 'database',
  name: 'user create',
  summary: 'Create a user; without a password nobody can log in as it',
  usage: 'NAME [--email E] [--first-name F] [--last-name L] [--staff] [--superuser] [--password-stdin]',
  options: {
    ...nameOptions,
    staff: { type: 'boolean' },
    superuser: { type: 'boolean' },
    'password-stdin': { type: 'boolean' },
  },
  words: { min: 1, max: 1 },
  readsStdin: (input) => isSet(input, 'password-stdin'),
  async run(context, input) {
    const person = { username: input.positionals[0] as string, ...fieldsOf(input) };
    const hasPassword = isSet(input, 'password-stdin');
    const password = hasPassword ? await hashNew(context, passwordOf(input), person) : makeUnusable();
    const flags = { isStaff: isSet(input, 'staff'), isSuperuser: isSet(input, 'superuser') };
    const user = await changing(context, async (tx) => {
      const made = await createUser(tx, context.stamp(), { ...person, ...flags, password });
      if (!(made instanceof User)) throw refusedFields(made);
      return made;
    });
    const next = hasPassword ? '' : ` No password is set: npx signet changepassword ${user.username}`;
    return { data: { user: wireUser(user) }, text: `Created the user ${user.username}.${next}` };
  },
};

export const userUpdate: DatabaseCommand = {
  kind: 'database',
  name: 'user update',
  summary: "Change a user's fields and flags",
  usage: '(NAME | --user-id ID) [--email E] [--first-name F] [--last-name L] [--staff on|off] [--superuser on|off]',
  options: { ...userId, ...nameOptions, staff: { type: 'string' }, superuser: { type: 'string' } },
  words: oneUser,
  async run(context, input) {
    const change = {
      ...fieldsOf(input),
      ...given({ isStaff: onOff(input, 'staff'), isSuperuser: onOff(input, 'superuser') }),
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
  words: oneUser,
  run: (context, input) => changeUser(context, input, { isActive: true }, 'Activated the user'),
};

export const userDeactivate: DatabaseCommand = {
  kind: 'database',
  name: 'user deactivate',
  summary: 'Let a user log in no more; ends the sessions, keeps everything else',
  usage: '(NAME | --user-id ID)',
  options: userId,
  words: oneUser,
  run: (context, input) => changeUser(context, input, { isActive: false }, 'Deactivated the user'),
};

async function changeUser(context: Context, input: Input, change: UserChange, done: string): Promise<Output> {
  const user = await changing(context, async (tx) => {
    const found = await getUser(tx, userAndWords(input).user);
    return updateUser(tx, context.stamp(), found, change);
  });
  return { data: { user: wireUser(user) }, text: `${done} ${user.username}.` };
}
