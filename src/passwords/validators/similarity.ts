import { isNameSized } from '../../platform/casefold.ts';
import { codePoints } from '../code-points.ts';
import type { PasswordFailure, UserAttributes } from './failure.ts';

/** Django's `max_similarity`. */
const MAX_SIMILARITY = 0.7;

/** The attributes in Django's order, with Django's names for people. */
const ATTRIBUTES: readonly (readonly [keyof UserAttributes, string])[] = [
  ['username', 'username'],
  ['firstName', 'first name'],
  ['lastName', 'last name'],
  ['email', 'email address'],
];

/**
 * Python's `\W` for text: whatever is neither letter, number (of any kind) nor underscore; a combining mark is `\W`.
 */
const NOT_WORD = /[^\p{L}\p{N}_]+/u;

/**
 * Django's UserAttributeSimilarityValidator, decision for decision: the password in lower case against each attribute
 * and each of its parts, similar from 0.7 on. Reports the first attribute that is too similar.
 *
 * The work is linear: the password is measured once, and a part that is compared with it is a tenth as long at least, so
 * that all of them together cost no more than eleven times the attribute. One that is longer than any user's is not compared.
 */
export function checkSimilarity(password: string, user: UserAttributes): PasswordFailure | null {
  const lowered = password.toLowerCase();
  const length = codePoints(lowered);
  for (const [attribute, verboseName] of ATTRIBUTES) {
    const given = user[attribute];
    if (!given || !isNameSized(given)) continue;
    const value = given.toLowerCase();
    const isTooSimilar = (part: string) =>
      !isFarLonger(length, codePoints(part)) && quickRatio(lowered, part) >= MAX_SIMILARITY;
    if ([...value.split(NOT_WORD), value].some(isTooSimilar)) {
      return {
        code: 'password_too_similar',
        detail: `The password is too similar to the ${verboseName}.`,
        params: { verbose_name: verboseName },
      };
    }
  }
  return null;
}

/**
 * Django's guard: a text ten times as long as the other cannot come near the ratio, so long passwords cost nothing
 * here.
 */
function isFarLonger(passwordLength: number, partLength: number): boolean {
  return passwordLength >= 10 * partLength && partLength < (MAX_SIMILARITY / 2) * passwordLength;
}

/**
 * Python's `difflib.SequenceMatcher.quick_ratio`: twice the characters that both have, whatever their order, by the sum
 * of the lengths; 1 for two empty texts. A character is a code point.
 */
export function quickRatio(a: string, b: string): number {
  const available = new Map<string, number>();
  for (const character of b) available.set(character, (available.get(character) ?? 0) + 1);
  let matches = 0;
  for (const character of a) {
    const left = available.get(character) ?? 0;
    if (left === 0) continue;
    available.set(character, left - 1);
    matches += 1;
  }
  const length = codePoints(a) + codePoints(b);
  return length === 0 ? 1 : (2 * matches) / length;
}
