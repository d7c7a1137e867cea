import { dumpError } from './command.ts';

/** One entry of a dump, in Django's serialisation format. */
export interface RawRecord {
  readonly model: string;
  /** Absent in a dump that was made with `--natural-primary`. */
  readonly pk: string | number | null;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** An integer that a double may not represent: JSON.parse could make two keys equal. */
const longNumber = /[[:,]\s*-?\d{16}/;

/** Python's json writes NaN and Infinity, which are not JSON (RFC 8259 §6). Strings are matched too, in order to skip them. */
const pythonToken = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\bInfinity\b|\bNaN\b/gs;

/** Replaces such a float. No storable text of a dump starts with NUL. */
export const NOT_A_NUMBER = '\0NaN';

/** Parses the text of a `dumpdata` file. Throws Failure with the command that creates one. */
export function parseDump(text: string, file: string, userModel: string): RawRecord[] {
  const invalid = (what: string) => dumpError(file, userModel, what);
  let document: unknown;
  try {
    const content = text.startsWith('\ufeff') ? text.slice(1) : text;
    document = parseJson(content);
  } catch {
    if (text.trim() === '') throw invalid('is empty');
    if (text.includes('\0') || text.includes('\ufffd')) throw invalid('is not UTF-8 text');
    throw invalid(`is not JSON: it begins with ${JSON.stringify(text.trimStart().slice(0, 20))}${ending(text)}`);
  }
  if (!Array.isArray(document)) throw invalid('is JSON, but not the list of records that dumpdata writes');
  return document.map((entry: unknown, index) => {
    if (!isRecord(entry))
      throw invalid(`is no dump of Django: its entry ${index + 1} is not a record of model, pk and fields`);
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

/** Returns the end of the text for the message, because most invalid files are truncated. */
function ending(text: string): string {
  const end = text.trimEnd().slice(-20);
  return end.endsWith(']') ? '' : ` and ends with ${JSON.stringify(end)}`;
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
