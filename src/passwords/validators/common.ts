import type { PasswordFailure } from './failure.ts';

/** Django's CommonPasswordValidator, over its list and a longer one: NFKC, lower case, without surrounding white space. */
export async function checkCommon(password: string): Promise<PasswordFailure | null> {
  const { COMMON_PASSWORDS } = await import('./common-passwords.ts');
  const { isCommonInDjango } = await import('./django-common-passwords.ts');
  const folded = password.normalize('NFKC').toLowerCase().trim();
  if (!COMMON_PASSWORDS.has(folded) && !isCommonInDjango(folded)) return null;
  return { code: 'password_too_common', detail: 'This password is too common.' };
}
