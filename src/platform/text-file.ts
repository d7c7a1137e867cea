import { isUtf8 } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';
import { domainErrors } from './errors.ts';

/** More than any secret needs, and small enough to read at once. */
const SMALL_BYTES = 64 * 1024;

/** The refusals of text files, with what a message about each names. `source`: a path, or a name that the caller gives the text. */
export interface TextFileErrors {
  readonly text_not_utf8: {
    readonly source: string;
    readonly offset: number;
    readonly line: number;
    readonly encoding: Utf8Fault['encoding'];
  };
  readonly text_has_lines: { readonly source: string; readonly content: LineContent };
  readonly file_too_large: { readonly source: string; readonly maxKiB: number };
}

/** What a text of one line is. */
type LineContent = 'key' | 'password' | 'token' | 'value';

const textFileError = domainErrors<TextFileErrors>();

/** Decodes the text of a file or of standard input as UTF-8, without a byte order mark. Throws `text_not_utf8`. */
export function decodeText(bytes: Buffer, source: string): string {
  const decoded = decodeUtf8(bytes);
  if ('text' in decoded) return decoded.text;
  const { offset, line, encoding } = decoded.fault;
  throw textFileError('text_not_utf8', { source, offset, line, encoding });
}

/** Returns the single line of a text, without a line break at its end. Throws `text_has_lines`. */
export function oneLine(text: string, source: string, content: LineContent): string {
  const line = text.replace(/\r?\n$/, '');
  // A file with several lines was meant for something else, or holds more than this value.
  if (/[\r\n]/.test(line)) throw textFileError('text_has_lines', { source, content });
  return line;
}

/** Reads a file that has one value. Throws file system errors, `file_too_large`, `text_not_utf8`. */
export function readSmallFile(path: string, source: string): string {
  const bytes = Buffer.alloc(SMALL_BYTES + 1);
  const file = openSync(path, 'r');
  let size = 0;
  try {
    for (let read = -1; read !== 0 && size < bytes.length; size += read)
      read = readSync(file, bytes, size, bytes.length - size, null);
  } finally {
    closeSync(file);
  }
  if (size > SMALL_BYTES) throw textFileError('file_too_large', { source, maxKiB: SMALL_BYTES / 1024 });
  return decodeText(bytes.subarray(0, size), source);
}

/** Where and why bytes are not UTF-8. */
export interface Utf8Fault {
  /** The offset of the first invalid byte, from 0. */
  readonly offset: number;
  /** From 1. */
  readonly line: number;
  readonly byte: number;
  /** The other encoding, from a byte order mark or the pattern of zero bytes. */
  readonly encoding: 'UTF-16' | 'UTF-32' | null;
}

/** Decodes UTF-8 bytes without a byte order mark, or returns what is wrong with them. No character is ever replaced. */
export function decodeUtf8(bytes: Buffer): { readonly text: string } | { readonly fault: Utf8Fault } {
  const encoding = otherEncoding(bytes);
  if (encoding === null && isUtf8(bytes)) {
    const hasMark = bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
    return { text: bytes.toString('utf8', hasMark ? 3 : 0) };
  }
  const offset = encoding === null ? firstFault(bytes) : 0;
  let line = 1;
  for (let at = bytes.indexOf(10); at >= 0 && at < offset; at = bytes.indexOf(10, at + 1)) line++;
  return { fault: { offset, line, byte: bytes[offset] ?? 0, encoding } };
}

/** Detected by the byte order mark, or by the zero bytes of ASCII, which no UTF-8 text here contains. */
function otherEncoding(bytes: Buffer): Utf8Fault['encoding'] {
  const [a, b, c, d] = bytes;
  if ((a === 0xff && b === 0xfe && c === 0 && d === 0) || (a === 0 && b === 0 && c === 0xfe && d === 0xff))
    return 'UTF-32';
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) return 'UTF-16';
  if (bytes.length >= 4 && ((a === 0 && b !== 0 && c === 0 && d !== 0) || (a !== 0 && b === 0 && c !== 0 && d === 0)))
    return 'UTF-16';
  return null;
}

/** The first byte of the first invalid sequence (RFC 3629 §4). */
function firstFault(bytes: Buffer): number {
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length === 0) return at;
    at += length;
  }
  return at;
}

function sequenceLength(bytes: Buffer, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  const length = first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first <= 0xf4 ? 4 : 0;
  if (first < 0xc2 || length === 0) return 0;
  // Surrogates, overlong forms and code points beyond U+10FFFF are recognised by their second byte.
  const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i];
    if (byte === undefined || byte < (i === 1 ? lowest : 0x80) || byte > (i === 1 ? highest : 0xbf)) return 0;
  }
  return length;
}
