import { findEnd, type Source } from './source.ts';

/** A piece of source that is no comment and no space. */
export interface Token {
  readonly kind: 'name' | 'text' | 'mark';
  /** Of a text its value. */
  readonly text: string;
  /** A text whose value is known only when the program runs. */
  readonly isDynamic: boolean;
  readonly line: number;
  readonly column: number;
  /** The first of its line. */
  readonly startsLine: boolean;
}

/** A text that was found: where it ends, and its value; null when the program makes it. */
export interface FoundText {
  readonly end: number;
  readonly value: string | null;
}

/** What differs between languages. Each function looks at one place and answers null when there is nothing of its kind. */
export interface Syntax {
  /** Where a comment that begins here ends. */
  commentEnd(source: string, at: number): number | null;
  textAt(source: Source, at: number): FoundText | null;
  /** Texts with code in them: what opens one. */
  readonly template?: string;
  /** Whether a slash may begin a regular expression. */
  readonly hasRegexes?: true;
}

const endOfLine = (source: string, at: number) => {
  const end = source.indexOf('\n', at);
  return end < 0 ? source.length : end;
};

/** The comments of C's family. */
export function cComment(source: string, at: number): number | null {
  if (source.startsWith('//', at)) return endOfLine(source, at);
  if (!source.startsWith('/*', at)) return null;
  const end = source.indexOf('*/', at + 2);
  return end < 0 ? source.length : end + 2;
}

export function hashComment(source: string, at: number): number | null {
  return source[at] === '#' ? endOfLine(source, at) : null;
}

/**
 * The text between the quote that begins here and its like. One of a single quote ends with the line at the latest: what is not
 * closed there is no text (an apostrophe in JSX, a mistake).
 */
export function between(
  source: Source,
  at: number,
  quote: string,
  isRaw: boolean,
): { end: number; inner: string } | null {
  const { text } = source;
  const isLong = quote.length > 1 || quote === '`';
  const from = at + quote.length;
  const end = findEnd(source, `${quote}${isRaw}`, from, (i) => {
    if (i >= text.length) return null;
    if (text.startsWith(quote, i)) return ~i;
    if (text[i] === '\\' && !isRaw) return i + 2;
    return text[i] === '\n' && !isLong ? null : i + 1;
  });
  return end === null ? null : { end: end + quote.length, inner: text.slice(from, end) };
}

const single: Record<string, string> = {
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

/** The value of a text with escapes: every language here agrees about those that matter. */
export function unescaped(inner: string): string {
  return inner.replace(
    /\\(u\{[0-9a-f]{1,6}\}|u+[0-9a-f]{4}|U[0-9a-f]{8}|x[0-9a-f]{2}|[0-7]{1,3}|\r\n|[\s\S])/giu,
    (_, after: string) => {
      const digits = /^(?:u\{|u+|U|x)([0-9a-f]+)\}?$/iu.exec(after)?.[1];
      if (digits !== undefined) return fromCode(Number.parseInt(digits, 16));
      if (/^[0-7]/.test(after)) return fromCode(Number.parseInt(after, 8));
      return single[after] ?? after;
    },
  );
}

function fromCode(code: number): string {
  return code > 0x10ffff ? '\ufffd' : String.fromCodePoint(code);
}
