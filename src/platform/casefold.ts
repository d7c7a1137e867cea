/**
 * The maximum length of a name or e-mail address, in UTF-16 units: longer than any stored one, however composed. It is checked before
 * normalization, because NFKC takes quadratic time for combining marks, and after it, because NFKC can turn one character into 18.
 */
export const MAX_NAME_UNITS = 1000;

/** The result for a text that is too long. It is a control character, which no stored name contains, so it matches no user. */
const UNMATCHABLE = '\u007f';

/** Returns whether the text can be a name: neither its given form nor its case-folded form is too long. */
export function isNameSized(text: string): boolean {
  return casefoldName(text) !== UNMATCHABLE;
}

/** Returns the NFKC form, in which names are stored and displayed. */
export function normalizeName(name: string): string {
  if (name.length > MAX_NAME_UNITS) return UNMATCHABLE;
  const normal = name.normalize('NFKC');
  return normal.length > MAX_NAME_UNITS ? UNMATCHABLE : normal;
}

/**
 * Returns the form in which names are compared: NFKC(lowercase(NFKC(x))). It is computed only here, never by the database, because
 * `lower()` and citext differ between PostgreSQL versions and the embedded engine.
 */
export function casefoldName(name: string): string {
  return normalizeName(normalizeName(name).toLowerCase());
}

/**
 * Format characters that scripts need: joiners (Persian, scripts of India, emoji), direction marks (Hebrew, Arabic), the number signs of
 * Arabic and Syriac, and the tags of flags.
 */
const allowedFormat =
  '\\u200c-\\u200f\\u061c\\u0600-\\u0605\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u{110bd}\\u{110cd}\\u{e0020}-\\u{e007f}';

/** Characters not allowed in a name: controls, other format characters such as direction overrides, and lone surrogates. */
const unprintable = new RegExp(`(?![${allowedFormat}])[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Co}\\p{Cn}\\p{Zl}\\p{Zp}]`, 'u');

export function hasUnprintable(text: string): boolean {
  return unprintable.test(text);
}

/** Returns whether a text has no visible character. */
export function isBlank(text: string): boolean {
  return !/[^\p{Cf}\p{Z}\s]/u.test(text);
}

/** Returns whether PostgreSQL can store the text and every JSON parser reads it alike: no NUL, no lone surrogate. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}
