import { decodeUtf8 } from '../../../platform/text-file.ts';
import { importError } from '../errors.ts';

/** One entry of a dump, in Django's serialisation format. */
export interface RawRecord {
  readonly model: string;
  /** Absent in a dump that was made with `--natural-primary`. */
  readonly pk: string | number | null;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The size of the longest string in V8. */
const MAX_MEGABYTES = 512;
const MAX_BYTES = MAX_MEGABYTES * 1024 * 1024 - 1024;

/** Decodes a dump. Throws DomainError if it is too large, or not UTF-8. */
export function decodeDump(bytes: Buffer, file: string, userModel: string): string {
  const dump = { file, userModel };
  if (bytes.length > MAX_BYTES) throw importError('dump_too_large', { ...dump, maxMegabytes: MAX_MEGABYTES });
  const decoded = decodeUtf8(bytes);
  if ('text' in decoded) return decoded.text;
  const { encoding, ...at } = decoded.fault;
  if (encoding !== null) throw importError('dump_other_encoding', { ...dump, encoding });
  throw importError('dump_not_utf8', { ...dump, ...at });
}

/** An integer that a double may not represent: JSON.parse could make two keys equal. */
const longNumber = /[[:,]\s*-?\d{16}/;

/** Python's json writes NaN and Infinity, which are not JSON (RFC 8259 §6). Strings are matched too, in order to skip them. */
const pythonToken = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\bInfinity\b|\bNaN\b/gs;

/** Replaces such a float. No storable text of a dump starts with NUL. */
export const NOT_A_NUMBER = '\0NaN';

/** Parses the text of a `dumpdata` file. Throws DomainError if it is not one. */
export function parseDump(text: string, file: string, userModel: string): RawRecord[] {
  const dump = { file, userModel };
  let document: unknown;
  try {
    const content = text.startsWith('\ufeff') ? text.slice(1) : text;
    document = parseJson(content);
  } catch {
    if (text.trim() === '') throw importError('dump_empty', dump);
    if (text.includes('\0') || text.includes('\ufffd')) throw importError('dump_not_text', dump);
    const hasEnd = text.trimEnd().endsWith(']');
    throw importError('dump_not_json', { ...dump, start: text.trimStart().slice(0, 20), hasEnd });
  }
  if (!Array.isArray(document)) throw importError('dump_not_a_list', dump);
  return document.map((entry: unknown, index) => {
    if (!isRecord(entry)) throw importError('dump_record_invalid', { ...dump, entry: index + 1 });
    return { model: entry.model.toLowerCase(), pk: entry.pk ?? null, fields: entry.fields };
  });
}

function parseJson(text: string): unknown {
  const parse = (json: string) => (longNumber.test(json) ? JSON.parse(json, keepLongNumbers) : JSON.parse(json));
  try {
    return parse(text);
  } catch (error) {
    if (!/[:,[]\s*(?:NaN|-?Infinity)\b/.test(text)) throw error;
    const marked = JSON.stringify(NOT_A_NUMBER);
    return parse(text.replace(pythonToken, (token) => (token.startsWith('"') ? token : marked)));
  }
}

/** Keeps integers beyond 2^53 exact, as text. */
function keepLongNumbers(_name: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  return context?.source !== undefined && /^-?\d+$/.test(context.source) ? context.source : value;
}

interface Entry {
  model: string;
  pk?: string | number | null;
  fields: Record<string, unknown>;
}

function isRecord(entry: unknown): entry is Entry {
  if (typeof entry !== 'object' || entry === null) return false;
  const { model, pk, fields } = entry as Record<string, unknown>;
  const isKey = pk === undefined || pk === null || typeof pk === 'string' || typeof pk === 'number';
  return typeof model === 'string' && isKey && typeof fields === 'object' && fields !== null && !Array.isArray(fields);
}
