import { Failure } from '../../platform/errors.ts';
import { setPassword } from '../../signin/index.ts';
import { getUser, userError } from '../../users/index.ts';
import { type DatabaseCommand, isSet } from '../command.ts';
import { transaction } from '../context.ts';
import { askPassword, hashNewPassword, readNewPassword } from './passwords.ts';
import { typedUser, userAndArguments, userId } from './user-options.ts';

export const changepassword: DatabaseCommand = {
  kind: 'database',
  name: 'changepassword',
  summary: "Set a user's password; ends the sessions",
  usage: '(USER | --user-id ID) [--password-stdin]',
  options: { ...userId, 'password-stdin': { type: 'boolean' } },
  args: { min: 1, max: 1, orUserId: true },
  readsStdin: (input) => isSet(input, 'password-stdin'),
  async prompt(input, terminal) {
    if (input.stdin !== null) return input;
    if (!terminal.isInteractive)
      throw new Failure('usage', 'There is no terminal for the password. Pass it on standard input: --password-stdin');
    return { ...input, stdin: await askPassword(terminal, `New password of ${typedUser(input)}`) };
  },
  async run(context, input) {
    const user = await getUser(context.db.fork(), userAndArguments(input).user);
    const encoded = await hashNewPassword(context, readNewPassword(input), user);
    const isDone = await transaction(context, (tx) => setPassword(tx, context.audit(), user, encoded, null));
    if (!isDone) throw userError('user_deleted_meanwhile');
    return {
      data: { username: user.username, changed: true },
      text: `Changed the password of ${user.username}. The user's sessions have ended.`,
    };
  },
};
