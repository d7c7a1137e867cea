import { Failure } from '../../platform/errors.ts';
import { setPassword } from '../../signin/index.ts';
import { getUser } from '../../users/index.ts';
import type { RunOnDatabase } from '../command.ts';
import { transaction } from '../context.ts';
import { hashNewPassword, readNewPassword } from './passwords.ts';
import { userAndArguments } from './user-options.ts';

export const changepassword: RunOnDatabase = async (context, input) => {
  const user = await getUser(context.db.fork(), userAndArguments(input).user);
  const encoded = await hashNewPassword(context, readNewPassword(input), user);
  const isDone = await transaction(context, (tx) => setPassword(tx, context.audit(), user, encoded, null));
  if (!isDone) throw new Failure('notFound', `The user ${user.username} was deleted meanwhile.`);
  return {
    data: { username: user.username, changed: true },
    text: `Changed the password of ${user.username}. The user's sessions are over.`,
  };
};
