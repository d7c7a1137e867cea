import type { UserErrors } from '../../users/index.ts';
import type { Messages } from '../command.ts';

export const userMessages: Messages<UserErrors> = {
  user_not_found: {
    exit: 'notFound',
    text: ({ username, near }) =>
      `There is no user "${username}". ${near === null ? 'To list the users: npx signet user list' : `Did you mean "${near}"?`}`,
  },
  user_id_not_found: {
    exit: 'notFound',
    text: ({ id }) =>
      `There is no user with the id ${id}. To list the users with their ids: npx signet user list --json`,
  },
  user_id_invalid: {
    exit: 'usage',
    text: ({ id }) => `--user-id takes the id of a user (a UUID), not "${id}".`,
  },
  user_id_as_username: {
    exit: 'notFound',
    text: ({ id }) => `"${id}" is an id, not a username. To name a user by id: --user-id ${id}`,
  },
  user_deleted_meanwhile: {
    exit: 'notFound',
    text: () => 'Another command deleted the user. Nothing was changed. To list the users: npx signet user list',
  },
};
