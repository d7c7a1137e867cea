import Papa from 'papaparse';
import { importError } from './errors.ts';

/** A new name for a record. */
export interface Rename {
  /** Model label and key in the source, such as `auth.user 12`. */
  readonly record: string;
  readonly name: string;
  readonly newName: string;
}

const HEADER = ['record', 'name', 'new_name'] as const;

/** Returns rows of a file of renames (RFC 4180): a whole file, or rows to append to an existing file in its format. */
export function writeRenames(renames: readonly Rename[], existing: string | undefined): string {
  const data = renames.map(({ record, name, newName }) => [record, name, newName]);
  const delimiter = existing?.charAt(HEADER[0].length) ?? ',';
  const options = { header: existing === undefined, newline: '\r\n', delimiter };
  const isCutOff = existing !== undefined && !existing.endsWith('\n');
  return `${isCutOff ? '\r\n' : ''}${Papa.unparse({ fields: [...HEADER], data }, options)}\r\n`;
}

/** Reads a file of renames, also with the semicolons or tabs of a spreadsheet. Throws DomainError with the row that is invalid. */
export function readRenames(text: string, file: string): Rename[] {
  const { data, errors } = Papa.parse<string[]>(text, { skipEmptyLines: true, delimitersToGuess: [',', ';', '\t'] });
  const fault = errors.find((one) => one.type !== 'Delimiter');
  if (fault) throw importError('renames_unreadable', { file, row: (fault.row ?? 0) + 1, reason: fault.message });
  const [header = [], ...rows] = data;
  if (header.join() !== HEADER.join()) throw importError('renames_header_missing', { file, header: HEADER });
  const records = new Set<string>();
  return rows.map((fields, index) => {
    const [record = '', name = '', newName = ''] = fields;
    const at = { file, row: index + 2 };
    if (fields.length !== HEADER.length)
      throw importError('renames_row_invalid', { ...at, fields: fields.length, expected: HEADER.length });
    if (newName === '') throw importError('renames_name_missing', { ...at, record });
    if (records.has(record)) throw importError('renames_record_repeated', { ...at, record });
    records.add(record);
    return { record, name, newName };
  });
}

/** The renames of one run by record, with those that no record has used. */
export class Renames {
  readonly #byRecord: Map<string, Rename>;
  readonly #unused: Set<string>;
  readonly #file: string;

  constructor(renames: readonly Rename[], file: string) {
    this.#byRecord = new Map(renames.map((one) => [one.record, one]));
    this.#unused = new Set(this.#byRecord.keys());
    this.#file = file;
  }

  /** Returns the new name of a record, or its own. Throws `renames_name_differs` if the row was written for another name. */
  nameFor(record: string, name: string): string {
    const rename = this.#byRecord.get(record);
    if (!rename) return name;
    this.#unused.delete(record);
    // A file cannot contain lone surrogates.
    if (rename.name.toWellFormed() === name.toWellFormed()) return rename.newName;
    throw importError('renames_name_differs', { file: this.#file, record, name: rename.name, nameInDump: name });
  }

  /** Throws `renames_record_not_in_dump` for a row without a record in the dump, which would otherwise be ignored silently. */
  checkUsed(): void {
    const [record] = this.#unused;
    if (record !== undefined) throw importError('renames_record_not_in_dump', { file: this.#file, record });
  }
}
