import { setPassword } from '../../signin/index.ts';
import { getUser, userError } from '../../users/index.ts';
import type { RunOnDatabase } from '../command.ts';
import { transaction } from '../context.ts';
import { hashNewPassword, readNewPassword } from './passwords.ts';
import { userAndArguments } from './user-options.ts';

export const changepassword: RunOnDatabase = async (context, input) => {
  const user = await getUser(context.db.fork(), userAndArguments(input).user);
  const encoded = await hashNewPassword(context, readNewPassword(input), user);
  const isDone = await transaction(context, (tx) => setPassword(tx, context.audit(), user, encoded, null));
  if (!isDone) throw userError('user_deleted_meanwhile');
  return {
    data: { username: user.username, changed: true },
    text: `Changed the password of ${user.username}. The user's sessions have ended.`,
  };
};
