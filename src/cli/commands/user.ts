import { makeUnusable } from '../../passwords/index.ts';
import { createUser, getUser, renameUser, User, type UserChange, updateUser } from '../../users/index.ts';
import { type Context, type Input, isSet, Misuse, type Output, optionText, type RunOnDatabase } from '../command.ts';
import { transaction } from '../context.ts';
import { definedFields, onOff } from './options.ts';
import { hashNewPassword, readNewPassword } from './passwords.ts';
import { userAndArguments } from './user-options.ts';
import { fieldFailure, wireUser } from './user-text.ts';

function readFields(input: Input) {
  return definedFields({
    email: optionText(input, 'email')?.trim(),
    isEmailVerified: onOff(input, 'email-verified'),
    firstName: optionText(input, 'first-name'),
    lastName: optionText(input, 'last-name'),
  });
}

export const userCreate: RunOnDatabase = async (context, input) => {
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
};

export const userUpdate: RunOnDatabase = async (context, input) => {
  const change = {
    ...readFields(input),
    ...definedFields({ isStaff: onOff(input, 'staff'), isSuperuser: onOff(input, 'superuser') }),
  };
  if (Object.keys(change).length === 0) throw new Misuse('Say what to change');
  return changeUser(context, input, change, 'Changed the user');
};

export const userActivate: RunOnDatabase = (context, input) =>
  changeUser(context, input, { isActive: true }, 'Activated the user');

export const userDeactivate: RunOnDatabase = (context, input) =>
  changeUser(context, input, { isActive: false }, 'Deactivated the user');

export const userRename: RunOnDatabase = async (context, input) => {
  const { user: userRef, args } = userAndArguments(input);
  const { before, user } = await transaction(context, async (tx) => {
    const existing = await getUser(tx, userRef);
    const { username } = existing;
    const renamed = await renameUser(tx, context.audit(), existing, args[0] as string);
    if (!(renamed instanceof User)) throw fieldFailure(renamed);
    return { before: username, user: renamed };
  });
  const isSame = before === user.username;
  const text = isSame ? `The user already has the name ${before}.` : `Renamed the user ${before} to ${user.username}.`;
  return { data: { user: wireUser(user), before }, text };
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
