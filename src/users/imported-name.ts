import { casefoldName, hasUnprintable, isBlank, isNameSized } from '../platform/casefold.ts';
import { reservedName } from './reserved-names.ts';

/** Characters of a name, in Django's columns and here; folding may lengthen one. */
const MAX_NAME_LENGTH = 150;

/**
 * Joiners are part of words in Persian and the scripts of India, and of emoji. After a Latin, Greek or Cyrillic letter they are
 * seen by nobody, and every other format character in a username would let two users look alike.
 */
const hidden =
  /(?![\u200c\u200d])\p{Cf}|(?<![\p{L}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}])[\u200c\u200d]|(?<=[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]\p{M}*)[\u200c\u200d]/u;

/**
 * Why a name that another system gave cannot be a username here, as a phrase; undefined when it can. It may hold what a new one
 * may not, such as `@` or a space.
 */
export function importedNameProblem(name: string): string | undefined {
  const folded = casefoldName(name);
  if (!isNameSized(name) || Math.max([...name].length, [...folded].length) > MAX_NAME_LENGTH)
    return `the name is longer than ${MAX_NAME_LENGTH} characters`;
  if (isBlank(folded)) return 'the name is empty';
  if (hasUnprintable(name) || hidden.test(name)) return 'the name has control or invisible characters';
  const why = reservedName(name);
  return why === null ? undefined : `the name ${why}`;
}
