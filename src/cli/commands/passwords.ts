import { Failure } from '../../platform/errors.ts';
import { oneLine } from '../../platform/text-file.ts';
import { checkPassword } from '../../signin/index.ts';
import type { Context, Input, Terminal } from '../command.ts';

/** What a password is compared with. */
export interface Person {
  readonly username: string;
  readonly email?: string;
  readonly firstName?: string;
  readonly lastName?: string;
}

/** Asks twice, as Django does: until both are alike and not blank. */
export async function askPassword(terminal: Terminal, prompt = 'Password'): Promise<string> {
  let remark = '';
  for (;;) {
    const first = await terminal.secret(`${remark}${prompt}: `);
    if (first === '') {
      remark = 'A password is needed. ';
      continue;
    }
    if ((await terminal.secret(`${prompt} (again): `)) === first) return first;
    remark = 'The two are not alike. ';
  }
}

/** The password on standard input: one line, without its end. */
export function readNewPassword(input: Input): string {
  if (input.stdin === null)
    throw new Failure(
      'usage',
      'There is no terminal to ask for a password at. Give it on standard input: --password-stdin',
    );
  const password = oneLine(input.stdin, 'Standard input', 'password');
  if (password === '') throw new Failure('usage', 'Standard input holds no password.');
  return password;
}

/** Failure with every reason why this password may not be set; there is no way round. */
export async function requirePassword(password: string, minLength: number, person: Person): Promise<void> {
  const errors = await checkPassword(password, minLength, person);
  if (errors.length === 0) return;
  const reasons = errors.map(({ code, detail }) => ({ code, detail }));
  throw new Failure(
    'usage',
    ['This password cannot be used:', ...reasons.map((one) => `  - ${one.detail}`)].join('\n'),
    { errors: reasons },
  );
}

/** The hash of a new password that may be set. Made before any transaction, because it takes its time. */
export async function hashNewPassword(context: Context, password: string, person: Person): Promise<string> {
  await requirePassword(password, context.config.passwordMinLength, person);
  const encoded = await (await context.passwords()).hash(password);
  if (encoded === null)
    throw new Failure('failed', 'The server is busy with other passwords. Nothing was changed; run it again.');
  return encoded;
}
