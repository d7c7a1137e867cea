import { isStorable } from '../../../platform/casefold.ts';
import { type Note, note } from '../notes.ts';
import type { RawRecord } from './json.ts';

/** Why a reference has no value: a code of `NoteCodes`. */
export type ReferenceProblem =
  | 'reference_malformed'
  | 'reference_not_in_dump'
  | 'reference_not_imported'
  | 'reference_incomplete';

/** The value of a reference, or why it has none. */
export type Found<T> = { readonly value: T } | { readonly problem: ReferenceProblem };

/**
 * The records of one table by primary key and by natural key (a list). If the table has no key of a reference's form, the dump lacks the
 * table, and `find` throws the error of `missingTable`.
 */
export class Lookup<T> {
  readonly #byKey = new Map<string, Found<T>>();
  readonly #forms = new Set<'primary' | 'natural'>();
  readonly #missingTable: () => Error;

  constructor(missingTable: () => Error) {
    this.#missingTable = missingTable;
  }

  /** Returns false if another record has this key. */
  add(keys: Keys, found: Found<T>): boolean {
    const { primary, natural } = keys;
    if (primary !== null) this.#forms.add('primary');
    if (natural !== null) this.#forms.add('natural');
    const own = primary ?? natural;
    if (own === null) return true;
    if (this.#byKey.has(own)) return false;
    this.#byKey.set(own, found);
    // In a damaged database natural keys may repeat beside primary keys: then the first record counts.
    if (natural !== null && !this.#byKey.has(natural)) this.#byKey.set(natural, found);
    return true;
  }

  find(reference: unknown): Found<T> {
    const isPrimary = !Array.isArray(reference);
    const key = referenceKey(reference);
    if (key === null) return { problem: 'reference_malformed' };
    const found = this.#byKey.get(key);
    if (found) return found;
    if (!this.#forms.has(isPrimary ? 'primary' : 'natural')) throw this.#missingTable();
    return { problem: 'reference_not_in_dump' };
  }
}

/** The primary and the natural key of a record, as JSON; null if it has none. */
export interface Keys {
  readonly primary: string | null;
  readonly natural: string | null;
}

export function recordKeys(pk: RawRecord['pk'], natural: readonly unknown[]): Keys {
  return { primary: pk === null ? null : JSON.stringify(pk), natural: naturalKey(natural) };
}

/** Returns the key of a referenced record; null if the value is not a reference. */
export function referenceKey(reference: unknown): string | null {
  const isPrimary = typeof reference === 'string' || typeof reference === 'number';
  return isPrimary ? JSON.stringify(reference) : naturalKey(reference);
}

function naturalKey(value: unknown): string | null {
  return Array.isArray(value) && value.every((one) => typeof one === 'string') ? JSON.stringify(value) : null;
}

/** Returns the key under which an imported record is stored. */
export function recordKey({ primary, natural }: Keys): string {
  return primary ?? natural ?? '';
}

/** Returns the name of a record for people: model label and key. */
export function recordName(model: string, pk: RawRecord['pk'], natural: readonly unknown[]): string {
  return `${model} ${pk ?? describeValue(natural)}`;
}

/** Returns a value of the dump as text; of another value than a text, number or natural key its kind only. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 200));
  if (typeof value !== 'object' || value === null) return String(value);
  return (naturalKey(value) ?? (Array.isArray(value) ? '[…]' : '{…}')).slice(0, 500);
}

/** The maximum size of a primary key in bytes. The longest of Django's own fields is a UUID. */
const MAX_KEY_BYTES = 255;

/** Returns why a primary key cannot be stored; null if it can. */
export function keyProblem(pk: RawRecord['pk']): Note | null {
  if (typeof pk !== 'string') return null;
  return isStorable(pk) && Buffer.byteLength(pk) <= MAX_KEY_BYTES ? null : note('primary_key_invalid');
}
