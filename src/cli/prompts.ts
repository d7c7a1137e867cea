import { Failure } from '../platform/errors.ts';
import type { Input, Terminal } from './command.ts';
import { typedUser } from './commands/user-options.ts';

/** Prompts twice, as Django does, until both entries match and are not blank. */
export async function askPassword(terminal: Terminal, prompt = 'Password'): Promise<string> {
  let hint = '';
  for (;;) {
    const first = await terminal.secret(`${hint}${prompt}: `);
    if (first === '') {
      hint = 'A password is required. ';
      continue;
    }
    if ((await terminal.secret(`${prompt} (again): `)) === first) return first;
    hint = 'The two entries do not match. ';
  }
}

/** Asks for the new password of `changepassword`, unless standard input has it. */
export async function promptPassword(input: Input, terminal: Terminal): Promise<Input> {
  if (input.stdin !== null) return input;
  if (!terminal.isInteractive)
    throw new Failure('usage', 'There is no terminal for the password. Pass it on standard input: --password-stdin');
  return { ...input, stdin: await askPassword(terminal, `New password of ${typedUser(input)}`) };
}
