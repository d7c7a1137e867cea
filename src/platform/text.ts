/** Default length: a name in a sentence. */
const NAME_LENGTH = 64;

const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;

/**
 * Makes text from outside safe for a response or the log. Text that is too long is cut, and its length is stated. Unprintable characters
 * (controls, direction marks, half a character) become question marks, so that it ends no line and reverses no terminal. The work is
 * bounded too.
 */
export function quote(text: string, maxLength = NAME_LENGTH): string {
  const isLong = text.length > maxLength;
  const start = isLong ? text.slice(0, maxLength) : text;
  const printable = start.replace(unprintable, '?');
  return isLong ? `${printable}... (${text.length} characters)` : printable;
}

/** Longer than any known word, so longer input was not mistyped. The bound matters because the work grows with the square. */
const MAX_WORD_LENGTH = 300;

/** Returns the candidate nearest to a mistyped word, for "did you mean …?"; undefined if none is near. */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > MAX_WORD_LENGTH) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    if (candidate.length > MAX_WORD_LENGTH) continue;
    const distance = editDistance(word, candidate, bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

/** The spellings that PostgreSQL accepts for a uuid: hyphens after any group of four, capitals, braces. */
const uuid = /^(?:[0-9a-f]{4}(?:-?[0-9a-f]{4}){7}|\{[0-9a-f]{4}(?:-?[0-9a-f]{4}){7}\})$/i;

/** Returns the canonical spelling of a UUID in any spelling; null if the text is not a UUID. */
export function parseUuid(text: string): string | null {
  if (!uuid.test(text)) return null;
  const hex = text.replace(/[{}-]/g, '').toLowerCase();
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Returns whether the text is a UUID in its canonical spelling, in which tokens carry ids. */
export function isUuid(text: string): boolean {
  return parseUuid(text) === text;
}

/** Returns the length of so many bytes in base64url, which has no padding (RFC 7515 §2). */
export function base64urlLength(bytes: number): number {
  return Math.ceil((bytes * 4) / 3);
}

/** Decodes base64url; null for any but the canonical spelling, in which the unused bits of the last character are zero. */
export function decodeBase64url(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}
