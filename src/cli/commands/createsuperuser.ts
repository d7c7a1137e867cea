import type { Config } from '../../platform/config/index.ts';
import { Failure } from '../../platform/errors.ts';
import { fieldText } from '../../ui/messages.ts';
import { checkUser, createUser, type FieldError, User } from '../../users/index.ts';
import { type Input, isSet, optionText, type RunOnDatabase, type Terminal } from '../command.ts';
import { transaction } from '../context.ts';
import { askPassword } from '../prompts.ts';
import { hashNewPassword, readNewPassword, requirePassword } from './passwords.ts';
import { fieldFailure, wireUser } from './user-text.ts';

/** Django's `createsuperuser`, except that a weak password cannot be forced. */
export const createsuperuser: RunOnDatabase = async (context, input) => {
  const username = optionText(input, 'username') ?? '';
  const email = optionText(input, 'email') ?? '';
  const password = await hashNewPassword(context, readNewPassword(input), { username, email });
  const user = await transaction(context, async (tx) => {
    const created = await createUser(tx, context.audit(), {
      username,
      email,
      password,
      isStaff: true,
      isSuperuser: true,
    });
    if (!(created instanceof User)) throw fieldFailure(created);
    return created;
  });
  return { data: { user: wireUser(user) }, text: `Created the superuser ${user.username}.` };
};

/** Asks for what is missing, and validates what needs no database. */
export async function promptSuperuser(input: Input, terminal: Terminal, config: Config): Promise<Input> {
  const username = optionText(input, 'username');
  const email = optionText(input, 'email');
  if (isSet(input, 'noinput')) return validatedInput(input, config, readAnswers(input, config));
  if (!isSet(input, 'password-stdin'))
    return validatedInput(input, config, await promptAnswers(terminal, username, email));
  if (username === undefined)
    throw new Failure(
      'usage',
      '--password-stdin needs --username too: with the password on standard input, nothing can be asked.',
    );
  return validatedInput(input, config, { username, email: email ?? '', password: readNewPassword(input) });
}

interface Answers {
  readonly username: string;
  readonly email: string;
  readonly password: string;
}

async function validatedInput(input: Input, config: Config, { username, email, password }: Answers): Promise<Input> {
  const errors = checkUser({ username, email });
  if (errors.length > 0) throw fieldFailure(errors);
  await requirePassword(password, config.passwordMinLength, { username, email });
  return { ...input, options: { ...input.options, username, email }, stdin: password };
}

function readAnswers(input: Input, config: Config): Answers {
  const username = optionText(input, 'username') ?? config.superuserUsername;
  const email = optionText(input, 'email') ?? config.superuserEmail ?? '';
  const password = input.stdin === null ? config.superuserPassword : readNewPassword(input);
  const missing = [
    username ? '' : 'SIGNET_SUPERUSER_USERNAME (or --username)',
    password ? '' : 'SIGNET_SUPERUSER_PASSWORD_FILE (or --password-stdin)',
  ].filter(Boolean);
  if (!username || !password) throw new Failure('usage', `--noinput needs ${missing.join(' and ')}.`);
  return { username, email, password };
}

async function promptAnswers(
  terminal: Terminal,
  username: string | undefined,
  email: string | undefined,
): Promise<Answers> {
  if (!terminal.isInteractive)
    throw new Failure(
      'usage',
      'There is no terminal for questions. Use --username with --password-stdin, or --noinput with SIGNET_SUPERUSER_USERNAME and SIGNET_SUPERUSER_PASSWORD_FILE.',
    );
  const chosenName =
    username ?? (await promptUntilValid(terminal, 'Username: ', (answer) => checkUser({ username: answer })));
  const chosenEmail =
    email ??
    (await promptUntilValid(terminal, 'E-mail address (may stay empty): ', (answer) =>
      checkUser({ username: chosenName, email: answer }, { existing: true }),
    ));
  return { username: chosenName, email: chosenEmail, password: await askPassword(terminal) };
}

async function promptUntilValid(
  terminal: Terminal,
  prompt: string,
  check: (answer: string) => FieldError[],
): Promise<string> {
  let hint = '';
  for (;;) {
    const answer = (await terminal.question(`${hint}${prompt}`)).trim();
    const [error] = check(answer);
    if (!error) return answer;
    hint = `${fieldText(error)} `;
  }
}
