import { closeSync, openSync, readSync } from 'node:fs';
import { Failure } from './errors.ts';
import { decodeUtf8 } from './utf8.ts';

/** Far more than any secret, and little enough to be read at once. */
const SMALL_BYTES = 64 * 1024;

/** The text of a file, or of standard input, as it was meant: UTF-8, without a byte-order mark. Failure: it is not UTF-8. */
export function decodeText(bytes: Buffer, source: string): string {
  const decoded = decodeUtf8(bytes);
  if ('text' in decoded) return decoded.text;
  const { offset, line, encoding } = decoded.fault;
  const where = encoding ? `it is ${encoding}` : `byte ${offset}, line ${line}`;
  throw new Failure('usage', `${source} is not UTF-8 (${where}). Save it as UTF-8, then run the command again.`);
}

/** The one line of a text: a single line break at its end is no part of it. Failure: there are more lines. */
export function oneLine(text: string, source: string, what: string): string {
  const line = text.replace(/\r?\n$/, '');
  // What has several lines was meant for something else, or holds more than this.
  if (/[\r\n]/.test(line)) throw new Failure('usage', `${source} holds more than one line. Give the ${what} alone.`);
  return line;
}

/** The text of a file that holds one value. Throws what the file system says. Failure: it is too large, or not UTF-8. */
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
  if (size > SMALL_BYTES)
    throw new Failure('usage', `${source} has more than ${SMALL_BYTES / 1024} KiB: it is another file than was meant.`);
  return decodeText(bytes.subarray(0, size), source);
}
