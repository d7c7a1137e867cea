import Papa from 'papaparse';
import { Failure } from '../../platform/errors.ts';

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

/** Reads a file of renames, also with the semicolons or tabs of a spreadsheet. Throws Failure with the error and its row. */
export function readRenames(text: string, file: string): Rename[] {
  const invalid = (what: string) => new Failure('usage', `${file}${what}.`);
  const { data, errors } = Papa.parse<string[]>(text, { skipEmptyLines: true, delimitersToGuess: [',', ';', '\t'] });
  const fault = errors.find((one) => one.type !== 'Delimiter');
  if (fault) throw invalid(`, row ${(fault.row ?? 0) + 1}: ${fault.message}`);
  const [header = [], ...rows] = data;
  if (header.join() !== HEADER.join()) throw invalid(` does not begin with the row ${HEADER.join(',')}`);
  const records = new Set<string>();
  return rows.map((row, index) => {
    const [record = '', name = '', newName = ''] = row;
    const at = `, row ${index + 2}`;
    if (row.length !== HEADER.length) throw invalid(`${at}: it has ${row.length} fields, not ${HEADER.length}`);
    if (newName === '') throw invalid(`${at}: the new name of ${record} is missing`);
    if (records.has(record)) throw invalid(`${at}: ${record} has two rows`);
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

  /** Returns the new name of a record, or its own. Throws Failure if the row was written for another name. */
  nameFor(record: string, name: string): string {
    const rename = this.#byRecord.get(record);
    if (!rename) return name;
    this.#unused.delete(record);
    // A file cannot contain lone surrogates.
    if (rename.name.toWellFormed() === name.toWellFormed()) return rename.newName;
    throw new Failure(
      'usage',
      `${this.#file} says that ${record} is ${JSON.stringify(rename.name)}, and the dump that it is ${JSON.stringify(name)}. Mend or remove that row.`,
    );
  }

  /** Throws Failure for a row without a record in the dump, which would otherwise be ignored silently. */
  checkUsed(): void {
    const [record] = this.#unused;
    if (record !== undefined)
      throw new Failure(
        'usage',
        `${this.#file} names ${record}, which the dump does not hold. Mend or remove that row.`,
      );
  }
}
