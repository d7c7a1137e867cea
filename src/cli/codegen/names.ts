/** Splits a name into its ASCII words: `add_choice` is add, choice. */
export function splitWords(text: string): string[] {
  return text.split(/[^A-Za-z0-9]+/).filter((part) => part !== '');
}

const capitalize = (word: string) => word.slice(0, 1).toUpperCase() + word.slice(1);

export const pascal = (words: readonly string[]) => words.map(capitalize).join('');
export const upper = (words: readonly string[]) => words.join('_').toUpperCase();

export function camel(words: readonly string[]): string {
  const [first = '', ...rest] = words;
  return first.slice(0, 1).toLowerCase() + first.slice(1) + pascal(rest);
}

/**
 * Returns a function that makes names unique in one scope. A name that cannot start an identifier gets a letter before it; a duplicate gets
 * the number after it, which for a permission is its index: the same catalogue always gives the same names, and a later permission takes no
 * name from an earlier one.
 */
export function uniqueNames(reserved: readonly string[] = []): (candidate: string, number: number) => string {
  const usedNames = new Set(reserved);
  return (candidate, number) => {
    const base = /^[A-Za-z]/.test(candidate) ? candidate : `P${candidate}`;
    let name = base;
    while (usedNames.has(name)) name = name === base ? `${base}_${number}` : `${name}_`;
    usedNames.add(name);
    return name;
  };
}

/** Formats a text as a single-line literal that is the same in every target language; `astral` formats code points beyond four digits. */
export function stringLiteral(text: string, astral: (codePoint: number) => string): string {
  const inner = Array.from(text, (character) => {
    const code = character.codePointAt(0) as number;
    if (character === '"' || character === '\\') return `\\${character}`;
    if (code >= 0x20 && code < 0x7f) return character;
    return code > 0xffff ? astral(code) : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return `"${inner.join('')}"`;
}

/** TypeScript and Java: a surrogate pair. */
export const surrogateEscape = (codePoint: number) =>
  [...Array(2).keys()]
    .map((i) => `\\u${String.fromCodePoint(codePoint).charCodeAt(i).toString(16).padStart(4, '0')}`)
    .join('');
/** Python and Go. */
export const longEscape = (codePoint: number) => `\\U${codePoint.toString(16).padStart(8, '0')}`;
