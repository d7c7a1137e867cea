/** The parts of a name that a program can spell: `add_choice` is add, choice; what is no ASCII letter or digit parts them. */
export function splitWords(text: string): string[] {
  return text.split(/[^A-Za-z0-9]+/).filter((part) => part !== '');
}

const capital = (word: string) => word.slice(0, 1).toUpperCase() + word.slice(1);

export const pascal = (words: readonly string[]) => words.map(capital).join('');
export const upper = (words: readonly string[]) => words.join('_').toUpperCase();

export function camel(words: readonly string[]): string {
  const [first = '', ...rest] = words;
  return first.slice(0, 1).toLowerCase() + first.slice(1) + pascal(rest);
}

/**
 * Gives out names of one scope, each once. What cannot begin a name gets a letter before it; what is taken, the number after it,
 * which for a permission is its index: the same catalogue gives the same names, and a later permission takes no name from another.
 */
export function scopeOfNames(reserved: readonly string[] = []): (wanted: string, number: number) => string {
  const taken = new Set(reserved);
  return (wanted, number) => {
    const begun = /^[A-Za-z]/.test(wanted) ? wanted : `P${wanted}`;
    let name = begun;
    while (taken.has(name)) name = name === begun ? `${begun}_${number}` : `${name}_`;
    taken.add(name);
    return name;
  };
}

/** A text as a literal of one line that every language here reads alike; `astral` spells what has no place in four digits. */
export function quoted(text: string, astral: (codePoint: number) => string): string {
  const inner = Array.from(text, (character) => {
    const code = character.codePointAt(0) as number;
    if (character === '"' || character === '\\') return `\\${character}`;
    if (code >= 0x20 && code < 0x7f) return character;
    return code > 0xffff ? astral(code) : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return `"${inner.join('')}"`;
}

/** TypeScript and Java: two halves of a surrogate pair. */
export const byHalves = (codePoint: number) =>
  [...Array(2).keys()]
    .map((i) => `\\u${String.fromCodePoint(codePoint).charCodeAt(i).toString(16).padStart(4, '0')}`)
    .join('');
/** Python and Go. */
export const byEight = (codePoint: number) => `\\U${codePoint.toString(16).padStart(8, '0')}`;
