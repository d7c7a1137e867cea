/** A name, as it stands in a sentence. */
const NAME_LENGTH = 64;

const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;

/**
 * Text from outside, fit to stand in an answer or in the log: what is too long is cut, and says how long it was; what cannot be printed
 * (controls, direction marks, half a character) is a question mark, so that it ends no line and turns no terminal. The work is bounded too.
 */
export function quote(text: string, longest = NAME_LENGTH): string {
  const isLong = text.length > longest;
  const start = isLong ? text.slice(0, longest) : text;
  const printable = start.replace(unprintable, '?');
  return isLong ? `${printable}... (${text.length} characters)` : printable;
}

/** Longer than any word that is known: what is longer was not mistyped. It bounds the work, which grows with the square. */
const LONGEST = 300;

/** The known word nearest to a mistyped one, or undefined when none is near: "did you mean …?" */
export function suggest(typed: string, known: readonly string[]): string | undefined {
  if (typed.length > LONGEST) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(typed.length / 3)) + 1;
  for (const word of known) {
    if (word.length > LONGEST) continue;
    const distance = editDistance(typed, word, bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [word, distance];
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

/** What PostgreSQL reads as a uuid: hyphens after any group of four, capitals and braces alike. */
const uuid = /^(?:[0-9a-f]{4}(?:-?[0-9a-f]{4}){7}|\{[0-9a-f]{4}(?:-?[0-9a-f]{4}){7}\})$/i;

/** The one spelling of the id that a text is in any spelling; null for what is no id. */
export function parseUuid(text: string): string | null {
  if (!uuid.test(text)) return null;
  const hex = text.replace(/[{}-]/g, '').toLowerCase();
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
