/** A text in the source: a string, or a template with `{}` for each value in it. */
export interface Literal {
  readonly text: string;
  /** From 1. */
  readonly line: number;
  /** The code before it on its line, or on the line above if it begins its own. */
  readonly before: string;
}

/** After these a slash begins a regular expression; after a name, a number or a bracket it divides. */
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|of|in))\s*$/;

/** Returns the texts of a module without its comments. */
export function literals(source: string): Literal[] {
  const found: Literal[] = [];
  let at = 0;

  const add = (text: string, start: number) => {
    const lines = source.slice(0, start).split('\n');
    const own = lines.at(-1)?.trim() ?? '';
    found.push({ text, line: lines.length, before: own === '' ? (lines.at(-2)?.trim() ?? '') : own });
  };
  /** An escape is the character after it, but that of a line break. */
  const readCharacter = () => {
    if (source[at] !== '\\') return source[at++] as string;
    at += 2;
    return source[at - 1] === 'n' ? '\n' : (source[at - 1] as string);
  };
  const readString = (quote: string) => {
    const start = at++;
    let text = '';
    while (source[at] !== quote) text += readCharacter();
    at++;
    add(text, start);
  };
  const readTemplate = () => {
    const start = at++;
    let text = '';
    while (source[at] !== '`')
      if (source.startsWith('${', at)) {
        at += 2;
        readCode('}');
        text += '{}';
      } else text += readCharacter();
    at++;
    add(text, start);
  };
  const skipRegex = () => {
    let inClass = false;
    for (at++; inClass || source[at] !== '/'; at++) {
      if (source[at] === '\\') at++;
      else if (source[at] === '[') inClass = true;
      else if (source[at] === ']') inClass = false;
    }
    at++;
  };
  /** Reads up to the end of the source, or of the value in a template. */
  const readCode = (end?: string) => {
    let depth = 0;
    while (at < source.length) {
      const next = source[at] as string;
      if (source.startsWith('//', at)) at = endOf('\n');
      else if (source.startsWith('/*', at)) at = endOf('*/') + 1;
      else if (next === "'" || next === '"') readString(next);
      else if (next === '`') readTemplate();
      else if (next === '/' && BEFORE_REGEX.test(source.slice(Math.max(0, at - 20), at))) skipRegex();
      else {
        if (next === end && depth === 0) return void at++;
        if (next === '{') depth++;
        else if (next === '}') depth--;
        at++;
      }
    }
  };
  const endOf = (mark: string) => {
    const index = source.indexOf(mark, at);
    return index < 0 ? source.length : index + 1;
  };

  readCode();
  return found;
}
