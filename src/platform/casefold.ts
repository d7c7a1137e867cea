/**
 * The longest text that can be a name or an e-mail address, in UTF-16 units: more than any that is stored, however it is composed.
 * It holds before a text is normalised, because NFKC takes quadratic time for combining marks, and after, because NFKC makes 18
 * characters of one.
 */
export const MAX_NAME_UNITS = 1000;

/** What a text that is too long folds to. A control character is in no name that is stored, so it is nobody's. */
const NOBODY = '\u007f';

/** Whether this may be a name at all: not too long, neither as it is nor in the form in which names are compared. */
export function isNameSized(text: string): boolean {
  return casefoldName(text) !== NOBODY;
}

/** NFKC, the form in which a name is kept and shown. */
export function normalizeName(name: string): string {
  if (name.length > MAX_NAME_UNITS) return NOBODY;
  const normal = name.normalize('NFKC');
  return normal.length > MAX_NAME_UNITS ? NOBODY : normal;
}

/**
 * The form in which names are compared: NFKC(lowercase(NFKC(x))). Computed here only, never by the database, because
 * `lower()` and citext differ between PostgreSQL versions and the embedded engine.
 */
export function casefoldName(name: string): string {
  return normalizeName(normalizeName(name).toLowerCase());
}

/**
 * Format characters that writing needs: joiners (Persian, the scripts of India, emoji), marks of direction (Hebrew, Arabic), the
 * signs that stand over numbers in Arabic and Syriac, the tags of flags.
 */
const written =
  '\\u200c-\\u200f\\u061c\\u0600-\\u0605\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u{110bd}\\u{110cd}\\u{e0020}-\\u{e007f}';

/** Characters that have no place in a name: controls, other format characters such as overrides of direction, lone surrogates. */
const unprintable = new RegExp(`(?![${written}])[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Co}\\p{Cn}\\p{Zl}\\p{Zp}]`, 'u');

export function hasUnprintable(text: string): boolean {
  return unprintable.test(text);
}

/** Whether nothing of a text is seen. */
export function isBlank(text: string): boolean {
  return !/[^\p{Cf}\p{Z}\s]/u.test(text);
}

/** NUL and lone surrogates can be stored by no PostgreSQL and read by no JSON parser alike. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}
