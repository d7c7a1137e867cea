import { readGroups } from '../../permissions/index.ts';
import { listSessions } from '../../sessions/index.ts';
import { hasSuperuser } from '../../signin/index.ts';
import { deleteUser, getUser } from '../../users/index.ts';
import { isSet, type RunOnDatabase } from '../command.ts';
import { transaction } from '../context.ts';
import { fields, names, pluralize, when } from './text.ts';
import { userAndArguments } from './user-options.ts';

export const userDelete: RunOnDatabase = async (context, input) => {
  const em = context.db.fork();
  const user = await getUser(em, userAndArguments(input).user);
  const { username } = user;
  if (!isSet(input, 'yes')) {
    const groups = (await readGroups(em, user.id)).map((one) => one.name);
    const sessions = (await listSessions(em, user.id, context.clock.now())).length;
    return {
      data: { user: username, id: user.id, deleted: false, groups, sessions },
      text: fields([
        ['Username', username],
        ['Id', `${user.id} (kept for ever, never used again)`],
        ['E-mail', user.email || '(none)'],
        ['Groups', groups.length === 0 ? '(none)' : names(groups)],
        ['Sessions', String(sessions)],
        ['Last login', when(user.lastLogin)],
        ['Erased', 'name, e-mail, attributes, password, permissions, sessions. It cannot be undone.'],
      ]),
    };
  }
  const deleted = await transaction(context, (tx) => deleteUser(tx, context.audit(), user));
  const isLast = user.isSuperuser && !(await hasSuperuser(context.db.fork()));
  const lines = [
    `Deleted the user ${username}: ${pluralize(deleted.sessions, 'session')} ended, ${pluralize(deleted.groups.length, 'group')} left. The name is free; the id ${deleted.id} is not used again.`,
    isLast ? 'There is no superuser now. To create one: npx signet createsuperuser' : '',
  ];
  const { id, sessions, groups, permissions } = deleted;
  return {
    data: { user: username, id, deleted: true, sessions_ended: sessions, groups, permissions },
    text: lines.filter(Boolean).join('\n'),
  };
};
