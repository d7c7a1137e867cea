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
