/**
 * The form in which names are compared: NFKC(lowercase(NFKC(x))). Computed here only, never by the database, because
 * `lower()` and citext differ between PostgreSQL versions and the embedded engine.
 */
export function foldName(name: string): string {
  return name.normalize('NFKC').toLowerCase().normalize('NFKC');
}

/** Characters that have no place in a name: controls, format characters such as zero-width and direction marks, lone surrogates. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;

export function hasUnprintable(text: string): boolean {
  return unprintable.test(text);
}

/** NUL and lone surrogates can be stored by no PostgreSQL and read by no JSON parser alike. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}
