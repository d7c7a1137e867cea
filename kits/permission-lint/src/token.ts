import { findEnd, type Source } from './source.ts';

/** A token of a source; comments and spaces are not tokens. */
export interface Token {
  readonly kind: 'name' | 'text' | 'mark';
  /** For a string, its value. */
  readonly text: string;
  /** A string whose value is known only at run time. */
  readonly isDynamic: boolean;
  readonly line: number;
  readonly column: number;
  /** Whether it is the first of its line. */
  readonly startsLine: boolean;
}

/** A string: its end and its value; null if known only at run time. */
export interface StringToken {
  readonly end: number;
  readonly value: string | null;
}

/** The differences between languages. Each function examines one position and returns null if there is nothing of its kind. */
export interface Syntax {
  /** Returns the end of a comment that begins here. */
  commentEnd(source: string, position: number): number | null;
  stringAt(source: Source, position: number): StringToken | null;
  /** The quote of template strings. */
  readonly template?: string;
  /** Whether a slash may begin a regular expression. */
  readonly hasRegexes?: true;
}

const endOfLine = (source: string, position: number) => {
  const end = source.indexOf('\n', position);
  return end < 0 ? source.length : end;
};

/** Comments as in C. */
export function cComment(source: string, position: number): number | null {
  if (source.startsWith('//', position)) return endOfLine(source, position);
  if (!source.startsWith('/*', position)) return null;
  const end = source.indexOf('*/', position + 2);
  return end < 0 ? source.length : end + 2;
}

export function hashComment(source: string, position: number): number | null {
  return source[position] === '#' ? endOfLine(source, position) : null;
}

/**
 * Returns the text between the quote that begins here and the closing one. A single-quoted string ends with its line at the latest:
 * otherwise it is not a string (an apostrophe in JSX, an error).
 */
export function readQuoted(
  source: Source,
  position: number,
  quote: string,
  isRaw: boolean,
): { end: number; inner: string } | null {
  const { text } = source;
  const isLong = quote.length > 1 || quote === '`';
  const start = position + quote.length;
  const end = findEnd(source, `${quote}${isRaw}`, start, (i) => {
    if (i >= text.length) return null;
    if (text.startsWith(quote, i)) return ~i;
    if (text[i] === '\\' && !isRaw) return i + 2;
    return text[i] === '\n' && !isLong ? null : i + 1;
  });
  return end === null ? null : { end: end + quote.length, inner: text.slice(start, end) };
}

const simpleEscapes: Record<string, string> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
  a: '\x07',
  '\n': '',
  '\r\n': '',
};

/** Resolves escapes; all supported languages agree about the relevant ones. */
export function resolveEscapes(inner: string): string {
  return inner.replace(
    /\\(u\{[0-9a-f]{1,6}\}|u+[0-9a-f]{4}|U[0-9a-f]{8}|x[0-9a-f]{2}|[0-7]{1,3}|\r\n|[\s\S])/giu,
    (_, sequence: string) => {
      const digits = /^(?:u\{|u+|U|x)([0-9a-f]+)\}?$/iu.exec(sequence)?.[1];
      if (digits !== undefined) return fromCode(Number.parseInt(digits, 16));
      if (/^[0-7]/.test(sequence)) return fromCode(Number.parseInt(sequence, 8));
      return simpleEscapes[sequence] ?? sequence;
    },
  );
}

function fromCode(code: number): string {
  return code > 0x10ffff ? '\ufffd' : String.fromCodePoint(code);
}
