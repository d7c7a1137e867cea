import type { PasswordFailure } from './failure.ts';

/** Django's CommonPasswordValidator over a longer list: NFKC, lower case, without surrounding white space. */
export async function checkCommon(password: string): Promise<PasswordFailure | null> {
  const { COMMON_PASSWORDS } = await import('./common-passwords.ts');
  if (!COMMON_PASSWORDS.has(password.normalize('NFKC').toLowerCase().trim())) return null;
  return { code: 'password_too_common', detail: 'This password is too common.' };
}
