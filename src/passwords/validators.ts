import { isNameSized, normalizeName } from '../platform/casefold.ts';
import type { NoParams } from '../platform/errors.ts';
import { codePoints, isPasswordSized, MAX_CODE_POINTS } from './code-points.ts';

/** Why a password may not be set, with what a message about it names. The first four codes are Django's own. */
export interface PasswordCodes {
  readonly password_too_similar: { readonly attribute: 'username' | 'first_name' | 'last_name' | 'email' };
  readonly password_too_short: { readonly min_length: number };
  readonly password_too_common: NoParams;
  readonly password_entirely_numeric: NoParams;
  readonly password_too_long: { readonly max_length: number };
}

/** One reason why a password may not be set. */
export type PasswordFailure<Code extends keyof PasswordCodes = keyof PasswordCodes> = {
  [One in Code]: { readonly code: One; readonly params?: PasswordCodes[One] };
}[Code];

/** Names and address of a user. Absent and empty attributes are skipped. */
export interface UserAttributes {
  readonly username?: string | null;
  readonly firstName?: string | null;
  readonly lastName?: string | null;
  readonly email?: string | null;
}

export interface PasswordRules {
  /** The user of the password; without it similarity is not checked. */
  readonly user?: UserAttributes;
  /** In code points; default 15. */
  readonly minLength?: number;
}

/**
 * Returns every reason why a password may not be set, in Django's order; empty if it is valid. For a password that is too long
 * this is the only reason, found before any expensive check.
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

/** The hash is made of the NFKC form, so full-width letters must not hide a name. Django has no such step. */
function checkSimilarityOfForms(password: string, user: UserAttributes): PasswordFailure | null {
  const nfkc = (text: string | null | undefined) => text && normalizeName(text);
  return checkSimilarity(password.normalize('NFKC'), {
    username: nfkc(user.username),
    firstName: nfkc(user.firstName),
    lastName: nfkc(user.lastName),
    email: nfkc(user.email),
  });
}

/** 800-63B-4 §3.1.1.2: at least 15 characters where the password is the only factor. */
const DEFAULT_MIN_LENGTH = 15;

/** Django's MinimumLengthValidator, in code points of the password as sent. */
export function checkMinimumLength(password: string, minLength: number = DEFAULT_MIN_LENGTH): PasswordFailure | null {
  if (codePoints(password) >= minLength) return null;
  return { code: 'password_too_short', params: { min_length: minLength } };
}

/** Refuses passwords over the upper bound, which are never truncated. */
function checkMaximumLength(password: string): PasswordFailure | null {
  if (isPasswordSized(password)) return null;
  return { code: 'password_too_long', params: { max_length: MAX_CODE_POINTS } };
}

/**
 * Python's `str.isdigit` accepts the decimal digits of every script and the characters whose Numeric_Type is Digit. JavaScript
 * has no property for the latter, so they are listed (DerivedNumericType.txt, complete for Unicode 14).
 */
const DIGITS = [
  String.raw`\p{Nd}`,
  String.raw`\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089`, // superscripts and subscripts
  String.raw`\u2460-\u2468\u2474-\u247c\u2488-\u2490\u24ea\u24f5-\u24fd\u24ff\u{1f100}-\u{1f10a}`, // circled, bracketed
  String.raw`\u2776-\u277e\u2780-\u2788\u278a-\u2792`, // dingbats
  String.raw`\u1369-\u1371\u19da\u{10a40}-\u{10a43}\u{10e60}-\u{10e68}\u{11052}-\u{1105a}`, // Ethiopic to Brahmi
];
const ALL_DIGITS = new RegExp(`^[${DIGITS.join('')}]+$`, 'u');

/** Django's NumericPasswordValidator. */
export function checkNumeric(password: string): PasswordFailure | null {
  if (!ALL_DIGITS.test(password)) return null;
  return { code: 'password_entirely_numeric' };
}

/** Django's CommonPasswordValidator with its list and a longer one: NFKC, lower case, without surrounding white space. */
export async function checkCommon(password: string): Promise<PasswordFailure | null> {
  const { COMMON_PASSWORDS, isCommonInDjango } = await import('./common-passwords/lists.ts');
  const folded = password.normalize('NFKC').toLowerCase().trim();
  if (!COMMON_PASSWORDS.has(folded) && !isCommonInDjango(folded)) return null;
  return { code: 'password_too_common' };
}

/** Django's `max_similarity`. */
const MAX_SIMILARITY = 0.7;

/** The attributes in Django's order, with Django's names. */
const ATTRIBUTES = [
  ['username', 'username'],
  ['firstName', 'first_name'],
  ['lastName', 'last_name'],
  ['email', 'email'],
] as const;

/**
 * Python's `\W` for text: everything except letters, numbers of any kind and underscore. Combining marks are `\W`.
 */
const NOT_WORD = /[^\p{L}\p{N}_]+/u;

/**
 * Django's UserAttributeSimilarityValidator with the same decisions: compares the password in lower case with each attribute
 * and each of its parts. A ratio of 0.7 is too similar. Returns the first attribute that is too similar.
 *
 * The work is linear: the password is measured once, and a compared part has at least a tenth of its length, so all parts
 * together cost at most eleven times the attribute. Attributes longer than any user's are not compared.
 */
export function checkSimilarity(
  password: string,
  user: UserAttributes,
): PasswordFailure<'password_too_similar'> | null {
  const lowered = password.toLowerCase();
  const length = codePoints(lowered);
  for (const [name, attribute] of ATTRIBUTES) {
    const text = user[name];
    if (!text || !isNameSized(text)) continue;
    const value = text.toLowerCase();
    const isTooSimilar = (part: string) =>
      !isFarLonger(length, codePoints(part)) && quickRatio(lowered, part) >= MAX_SIMILARITY;
    if ([...value.split(NOT_WORD), value].some(isTooSimilar))
      return { code: 'password_too_similar', params: { attribute } };
  }
  return null;
}

/**
 * Django's guard: a text ten times as long as the other cannot reach the ratio, so long passwords need no comparison.
 */
function isFarLonger(passwordLength: number, partLength: number): boolean {
  return passwordLength >= 10 * partLength && partLength < (MAX_SIMILARITY / 2) * passwordLength;
}

/**
 * Python's `difflib.SequenceMatcher.quick_ratio`: twice the number of common characters in any order, divided by the sum
 * of the lengths; 1 for two empty texts. A character is a code point.
 */
export function quickRatio(a: string, b: string): number {
  const available = new Map<string, number>();
  for (const character of b) available.set(character, (available.get(character) ?? 0) + 1);
  let matches = 0;
  for (const character of a) {
    const remaining = available.get(character) ?? 0;
    if (remaining === 0) continue;
    available.set(character, remaining - 1);
    matches += 1;
  }
  const length = codePoints(a) + codePoints(b);
  return length === 0 ? 1 : (2 * matches) / length;
}
