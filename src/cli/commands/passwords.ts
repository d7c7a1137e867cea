import { Failure } from '../../platform/errors.ts';
import { oneLine } from '../../platform/text-file.ts';
import { checkPassword } from '../../signin/index.ts';
import { fieldText } from '../../ui/messages.ts';
import type { UserFields } from '../../users/index.ts';
import type { Context, Input } from '../command.ts';

/** Reads the password on standard input: one line, without its line break. */
export function readNewPassword(input: Input): string {
  if (input.stdin === null)
    throw new Failure('usage', 'There is no terminal for the password. Pass it on standard input: --password-stdin');
  const password = oneLine(input.stdin, 'Standard input', 'password');
  if (password === '') throw new Failure('usage', 'Standard input is empty. Pass the password there.');
  return password;
}

/** Throws a Failure with every reason why the password is refused; it cannot be forced. */
export async function requirePassword(password: string, minLength: number, user: UserFields): Promise<void> {
  const errors = await checkPassword(password, minLength, user);
  if (errors.length === 0) return;
  const reasons = errors.map((one) => ({ code: one.code, detail: fieldText(one) }));
  throw new Failure(
    'usage',
    ['This password cannot be used:', ...reasons.map((one) => `  - ${one.detail}`)].join('\n'),
    { errors: reasons },
  );
}

/** Validates and hashes a new password. Called before any transaction, because hashing takes time. */
export async function hashNewPassword(context: Context, password: string, user: UserFields): Promise<string> {
  await requirePassword(password, context.config.passwordMinLength, user);
  const encoded = await (await context.passwords()).hash(password);
  if (encoded === null)
    throw new Failure('failed', 'The server is busy. Nothing was changed. Run the command again in a few seconds.');
  return encoded;
}
