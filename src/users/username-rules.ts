import { casefoldName, hasUnprintable, isBlank, isNameSized } from '../platform/casefold.ts';
import type { ErrorParams } from '../platform/errors.ts';
import { parseUuid } from '../platform/text.ts';

/** The names of Signet's own API and of the client of its own login. */
export const BUILT_IN = ['signet'];

type ReservedName = 'like_id' | 'like_client_id' | 'built_in';

/**
 * Returns why a name is reserved, or null. Names that look like an id, in any spelling that `parseUuid` accepts, or like a client id (generated,
 * or the address of a metadata document) are ambiguous wherever names and ids are both accepted. Signet's own names are reserved too.
 */
export function reservedName(name: string): ReservedName | null {
  const folded = casefoldName(name);
  if (parseUuid(folded)) return 'like_id';
  if (folded.startsWith('c_') || folded.startsWith('https://')) return 'like_client_id';
  return BUILT_IN.includes(folded) ? 'built_in' : null;
}

/** The most characters of a username, first name or last name, in Django's columns and here. Folding may lengthen a name. */
export const MAX_NAME_LENGTH = 150;

/**
 * Joiners are part of words in Persian and the scripts of India, and of emoji. After a Latin, Greek or Cyrillic letter they are
 * invisible, and any other format character in a username would make two users look alike.
 */
const hidden =
  /(?![\u200c\u200d])\p{Cf}|(?<![\p{L}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}])[\u200c\u200d]|(?<=[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]\p{M}*)[\u200c\u200d]/u;

/** Why a name from another system cannot be a username here. */
export interface ImportedNameProblem {
  readonly code: 'username_too_long' | 'username_empty' | 'username_unprintable' | `username_${ReservedName}`;
  readonly params: ErrorParams;
}

/**
 * Returns why a name from another system cannot be a username here; undefined if it can. Imported names may contain characters that new
 * names may not, such as `@` or a space.
 */
export function importedNameProblem(name: string): ImportedNameProblem | undefined {
  const folded = casefoldName(name);
  if (!isNameSized(name) || Math.max([...name].length, [...folded].length) > MAX_NAME_LENGTH)
    return { code: 'username_too_long', params: { max: MAX_NAME_LENGTH } };
  if (isBlank(folded)) return { code: 'username_empty', params: {} };
  if (hasUnprintable(name) || hidden.test(name)) return { code: 'username_unprintable', params: {} };
  const reason = reservedName(name);
  return reason === null ? undefined : { code: `username_${reason}`, params: {} };
}
