import type { Source } from './source.ts';
import { cComment, hashComment, readQuoted, resolveEscapes, type StringToken, type Syntax } from './token.ts';

/** Reads a string in one of these quotes, with escapes resolved. */
function readString(source: Source, position: number, quotes: string): StringToken | null {
  const quote = source.text[position] as string;
  const quoted = quotes.includes(quote) ? readQuoted(source, position, quote, false) : null;
  return quoted && { end: quoted.end, value: resolveEscapes(quoted.inner) };
}

const script: Syntax = {
  commentEnd: (source, position) =>
    position === 0 && source.startsWith('#!') ? hashComment(source, position) : cComment(source, position),
  stringAt: (source, position) => (isApostrophe(source.text, position) ? null : readString(source, position, `'"`)),
  template: '`',
  hasRegexes: true,
};

/** In JSX text a quote may follow a letter; in code only after a keyword (`return'x'`). */
function isApostrophe(source: string, position: number): boolean {
  const word = /[\p{L}\p{N}_$]+$/u.exec(source.slice(Math.max(0, position - 12), position))?.[0];
  return source[position] === "'" && word !== undefined && !stringKeywords.includes(word);
}

const stringKeywords = [
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

const stringStart = /(?:[rbuft]|[rbft]{2})?("""|'''|"|')/iy;

const python: Syntax = {
  // A backslash at the end of a line continues it.
  commentEnd: (source, position) =>
    /^\\\r?\n/.test(source.slice(position, position + 3)) ? position + 1 : hashComment(source, position),
  stringAt(source, position) {
    stringStart.lastIndex = position;
    const match = stringStart.exec(source.text);
    if (!match) return null;
    const [all, quote = ''] = match;
    const prefix = all.slice(0, -quote.length).toLowerCase();
    // In a raw string too, a quote after a backslash does not end it.
    const quoted = readQuoted(source, position + prefix.length, quote, false);
    if (!quoted) return null;
    if (/[ftb]/.test(prefix)) return { end: quoted.end, value: null };
    return { end: quoted.end, value: prefix.includes('r') ? quoted.inner : resolveEscapes(quoted.inner) };
  },
};

const go: Syntax = {
  commentEnd: cComment,
  stringAt(source, position) {
    if (source.text[position] !== '`') return readString(source, position, `'"`);
    const quoted = readQuoted(source, position, '`', true);
    return quoted && { end: quoted.end, value: quoted.inner.replaceAll('\r', '') };
  },
};

const java: Syntax = {
  commentEnd: cComment,
  stringAt(source, position) {
    if (!source.text.startsWith('"""', position)) return readString(source, position, `'"`);
    const quoted = readQuoted(source, position, '"""', false);
    return quoted && { end: quoted.end, value: resolveEscapes(stripIndent(quoted.inner)) };
  },
};

/** Reads a text block: it begins after its first line break, without the indentation common to all lines (JLS §3.10.6). */
function stripIndent(inner: string): string {
  const lines = inner.split(/\r?\n/).slice(1);
  const last = lines.length - 1;
  const indents = lines.filter((line, i) => line.trim() !== '' || i === last).map((line) => line.search(/\S|$/));
  const indent = indents.reduce((least, one) => Math.min(least, one), Number.POSITIVE_INFINITY);
  return lines.map((line) => line.slice(indent).trimEnd()).join('\n');
}

const scripts = ['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs'];

/** The syntax of each supported file extension. Templates are handled separately. */
export const syntaxes: ReadonlyMap<string, Syntax> = new Map([
  ...scripts.map((extension) => [extension, script] as const),
  ['.py', python],
  ['.go', go],
  ['.java', java],
]);

export const isPython = (syntax: Syntax) => syntax === python;
export const isGo = (syntax: Syntax) => syntax === go;
export const isJava = (syntax: Syntax) => syntax === java;
