import { Failure } from '../../platform/errors.ts';
import type { UserRef } from '../../users/index.ts';
import { type Input, optionText, optionTexts } from '../command.ts';

// A user is named by a username, or by `--user-id ID` in its place. Which of the two is said, never guessed.

/** Of a command that takes one user. */
export const userId = { 'user-id': { type: 'string' } } as const;

/** Of a command that takes a user by option. */
export const userOptions = { user: { type: 'string' }, ...userId } as const;

/** Of a command that takes users. */
export const userIds = { 'user-id': { type: 'string', multiple: true } } as const;

/** The user of `--user N` or `--user-id ID`; undefined where neither is given. */
export function optionalUser(input: Input): UserRef | undefined {
  const [username, id] = [optionText(input, 'user'), optionText(input, 'user-id')];
  if (username !== undefined && id !== undefined)
    throw new Failure('usage', '--user and --user-id both name a user: say one of them.');
  return id === undefined ? username : { id };
}

/** The user that the first word names, or `--user-id` in its place, and the words after it. */
export function userAndArguments({ positionals, options }: Input): { user: UserRef; args: readonly string[] } {
  const id = options['user-id'];
  if (typeof id === 'string') return { user: { id }, args: positionals };
  const [username = '', ...args] = positionals;
  return { user: username, args };
}

/** The users that the words after the first name, and those of every `--user-id`. */
export function usersAfterFirst(input: Input): UserRef[] {
  return [...input.positionals.slice(1), ...optionTexts(input, 'user-id').map((id) => ({ id }))];
}

/** As the user was named, to ask for it once more. */
export function typedUser(input: Input): string {
  const { user } = userAndArguments(input);
  return typeof user === 'string' ? user : user.id;
}
