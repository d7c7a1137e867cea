import { casefoldName, hasUnprintable, isBlank, isNameSized } from '../platform/casefold.ts';
import { parseUuid } from '../platform/text.ts';

/** The names of Signet's own API and of the client of its own login. */
export const BUILT_IN = ['signet'];

/**
 * Returns why a name is reserved, or null. Names that look like an id, in any spelling that `parseUuid` accepts, or like a client id (generated,
 * or the address of a metadata document) are ambiguous wherever names and ids are both accepted. Signet's own names are reserved too.
 */
export function reservedName(name: string): 'looks like an id' | 'looks like a client id' | 'is reserved' | null {
  const folded = casefoldName(name);
  if (parseUuid(folded)) return 'looks like an id';
  if (folded.startsWith('c_') || folded.startsWith('https://')) return 'looks like a client id';
  return BUILT_IN.includes(folded) ? 'is reserved' : null;
}

/** Characters of a name, in Django's columns and here. Folding may lengthen a name. */
const MAX_NAME_LENGTH = 150;

/**
 * Joiners are part of words in Persian and the scripts of India, and of emoji. After a Latin, Greek or Cyrillic letter they are
 * invisible, and any other format character in a username would make two users look alike.
 */
const hidden =
  /(?![\u200c\u200d])\p{Cf}|(?<![\p{L}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}])[\u200c\u200d]|(?<=[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]\p{M}*)[\u200c\u200d]/u;

/**
 * Returns, as a phrase, why a name from another system cannot be a username here; undefined if it can. Imported names may contain
 * characters that new names may not, such as `@` or a space.
 */
export function importedNameProblem(name: string): string | undefined {
  const folded = casefoldName(name);
  if (!isNameSized(name) || Math.max([...name].length, [...folded].length) > MAX_NAME_LENGTH)
    return `the name is longer than ${MAX_NAME_LENGTH} characters`;
  if (isBlank(folded)) return 'the name is empty';
  if (hasUnprintable(name) || hidden.test(name)) return 'the name has control or invisible characters';
  const reason = reservedName(name);
  return reason === null ? undefined : `the name ${reason}`;
}
