import { normalizeName } from '../../platform/casefold.ts';
import { checkCommon } from './common.ts';
import type { PasswordFailure, UserAttributes } from './failure.ts';
import { checkMaximumLength, checkMinimumLength, DEFAULT_MIN_LENGTH } from './length.ts';
import { checkNumeric } from './numeric.ts';
import { checkSimilarity } from './similarity.ts';

export interface PasswordRules {
  /** Whose password it is to be; without it nothing is compared. */
  readonly user?: UserAttributes;
  /** In code points; default 15. */
  readonly minLength?: number;
}

/**
 * Every reason why this password may not be set, in Django's order; empty when there is none. One that is too long is
 * told so alone, before anything spends time on it.
 */
export async function validatePassword(password: string, rules: PasswordRules = {}): Promise<PasswordFailure[]> {
  const { user = {}, minLength = DEFAULT_MIN_LENGTH } = rules;
  const tooLong = checkMaximumLength(password);
  if (tooLong !== null) return [tooLong];
  const failures = [
    checkSimilarity(password, user) ?? checkSimilarityOfForms(password, user),
    checkMinimumLength(password, minLength),
    await checkCommon(password),
    checkNumeric(password),
  ];
  return failures.filter((failure) => failure !== null);
}

/** What is hashed is NFKC of the password, so full-width letters must not hide a name. Django has no such step. */
function checkSimilarityOfForms(password: string, user: UserAttributes): PasswordFailure | null {
  const nfkc = (text: string | null | undefined) => text && normalizeName(text);
  return checkSimilarity(password.normalize('NFKC'), {
    username: nfkc(user.username),
    firstName: nfkc(user.firstName),
    lastName: nfkc(user.lastName),
    email: nfkc(user.email),
  });
}
