import type { Source } from './source.ts';
import { between, cComment, type FoundText, hashComment, type Syntax, unescaped } from './token.ts';

/** A text of one of these quotes, escapes read. */
function plainText(source: Source, at: number, quotes: string): FoundText | null {
  const quote = source.text[at] as string;
  const found = quotes.includes(quote) ? between(source, at, quote, false) : null;
  return found && { end: found.end, value: unescaped(found.inner) };
}

const script: Syntax = {
  commentEnd: (source, at) => (at === 0 && source.startsWith('#!') ? hashComment(source, at) : cComment(source, at)),
  textAt: (source, at) => (isApostrophe(source.text, at) ? null : plainText(source, at, `'"`)),
  template: '`',
  hasRegexes: true,
};

/** In the text of JSX a quote may follow a letter; in a program only after a keyword (`return'x'`). */
function isApostrophe(source: string, at: number): boolean {
  const word = /[\p{L}\p{N}_$]+$/u.exec(source.slice(Math.max(0, at - 12), at))?.[0];
  return source[at] === "'" && word !== undefined && !beforeText.includes(word);
}

const beforeText = [
  'return',
  'case',
  'typeof',
  'in',
  'of',
  'else',
  'from',
  'import',
  'export',
  'default',
  'await',
  'throw',
];

const prefixed = /(?:[rbuft]|[rbft]{2})?("""|'''|"|')/iy;

const python: Syntax = {
  // A backslash at the end of a line goes on with the next one.
  commentEnd: (source, at) => (/^\\\r?\n/.test(source.slice(at, at + 3)) ? at + 1 : hashComment(source, at)),
  textAt(source, at) {
    prefixed.lastIndex = at;
    const match = prefixed.exec(source.text);
    if (!match) return null;
    const [all, quote = ''] = match;
    const prefix = all.slice(0, -quote.length).toLowerCase();
    // In a raw text too a quote after a backslash does not end it.
    const found = between(source, at + prefix.length, quote, false);
    if (!found) return null;
    if (/[ftb]/.test(prefix)) return { end: found.end, value: null };
    return { end: found.end, value: prefix.includes('r') ? found.inner : unescaped(found.inner) };
  },
};

const go: Syntax = {
  commentEnd: cComment,
  textAt(source, at) {
    if (source.text[at] !== '`') return plainText(source, at, `'"`);
    const found = between(source, at, '`', true);
    return found && { end: found.end, value: found.inner.replaceAll('\r', '') };
  },
};

const java: Syntax = {
  commentEnd: cComment,
  textAt(source, at) {
    if (!source.text.startsWith('"""', at)) return plainText(source, at, `'"`);
    const found = between(source, at, '"""', false);
    return found && { end: found.end, value: unescaped(block(found.inner)) };
  },
};

/** A text block begins after its first line break, without the indentation that all its lines share (JLS §3.10.6). */
function block(inner: string): string {
  const lines = inner.split(/\r?\n/).slice(1);
  const last = lines.length - 1;
  const indents = lines.filter((line, i) => line.trim() !== '' || i === last).map((line) => line.search(/\S|$/));
  const indent = indents.reduce((least, one) => Math.min(least, one), Number.POSITIVE_INFINITY);
  return lines.map((line) => line.slice(indent).trimEnd()).join('\n');
}

const scripts = ['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs'];

/** How to read the files of an extension; null for those that are not read. Templates are read by themselves. */
export const syntaxes: ReadonlyMap<string, Syntax> = new Map([
  ...scripts.map((extension) => [extension, script] as const),
  ['.py', python],
  ['.go', go],
  ['.java', java],
]);

export const isPython = (syntax: Syntax) => syntax === python;
export const isGo = (syntax: Syntax) => syntax === go;
export const isJava = (syntax: Syntax) => syntax === java;
