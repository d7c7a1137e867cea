import { Failure } from '../../platform/errors.ts';
import type { UserRef } from '../../users/index.ts';
import { type Input, optionText, optionTexts } from '../command.ts';

// A user is named by a username, or by `--user-id ID` in its place. The two are never guessed.

/** Returns the user of `--user N` or `--user-id ID`; undefined if neither is present. */
export function optionalUser(input: Input): UserRef | undefined {
  const [username, id] = [optionText(input, 'user'), optionText(input, 'user-id')];
  if (username !== undefined && id !== undefined)
    throw new Failure('usage', '--user and --user-id both name a user. Use one of them.');
  return id === undefined ? username : { id };
}

/** Returns the user named by the first argument or by `--user-id`, and the remaining arguments. */
export function userAndArguments({ positionals, options }: Input): { user: UserRef; args: readonly string[] } {
  const id = options['user-id'];
  if (typeof id === 'string') return { user: { id }, args: positionals };
  const [username = '', ...args] = positionals;
  return { user: username, args };
}

/** Returns the users named by the arguments after the first, and by every `--user-id`. */
export function usersAfterFirst(input: Input): UserRef[] {
  return [...input.positionals.slice(1), ...optionTexts(input, 'user-id').map((id) => ({ id }))];
}

/** Returns the name or id of the user as typed, for the confirmation. */
export function typedUser(input: Input): string {
  const { user } = userAndArguments(input);
  return typeof user === 'string' ? user : user.id;
}
