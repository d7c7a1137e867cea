import { isStorable } from '../../../platform/casefold.ts';
import type { RawRecord } from './json.ts';

/** What a reference leads to; `problem` says why it leads nowhere. */
export type Found<T> = { readonly value: T } | { readonly problem: string };

/**
 * The records of one table by both forms of their keys: the primary key, and the natural key (a list). A reference that the
 * table could not answer at all, because it holds no key of that form, means that the dump lacks the table: `lacking` says so.
 */
export class Lookup<T> {
  readonly #byKey = new Map<string, Found<T>>();
  readonly #forms = new Set<'primary' | 'natural'>();
  readonly #missingTable: () => Error;

  constructor(missingTable: () => Error) {
    this.#missingTable = missingTable;
  }

  /** Answers false when another record has this key. */
  add(keys: Keys, found: Found<T>): boolean {
    const { primary, natural } = keys;
    if (primary !== null) this.#forms.add('primary');
    if (natural !== null) this.#forms.add('natural');
    const own = primary ?? natural;
    if (own === null) return true;
    if (this.#byKey.has(own)) return false;
    this.#byKey.set(own, found);
    // Beside a primary key the natural one may repeat, in a damaged database: then the first is meant.
    if (natural !== null && !this.#byKey.has(natural)) this.#byKey.set(natural, found);
    return true;
  }

  find(reference: unknown): Found<T> {
    const isPrimary = !Array.isArray(reference);
    const key = referenceKey(reference);
    if (key === null) return { problem: 'is no reference' };
    const found = this.#byKey.get(key);
    if (found) return found;
    if (!this.#forms.has(isPrimary ? 'primary' : 'natural')) throw this.#missingTable();
    return { problem: 'is not in the dump' };
  }
}

/** Both forms of a record's key, as JSON; null where it has none of that form. */
export interface Keys {
  readonly primary: string | null;
  readonly natural: string | null;
}

export function recordKeys(pk: RawRecord['pk'], natural: readonly unknown[]): Keys {
  return { primary: pk === null ? null : JSON.stringify(pk), natural: naturalKey(natural) };
}

/** A reference as the key of the record that it leads to; null when it is none. */
export function referenceKey(reference: unknown): string | null {
  const isPrimary = typeof reference === 'string' || typeof reference === 'number';
  return isPrimary ? JSON.stringify(reference) : naturalKey(reference);
}

function naturalKey(value: unknown): string | null {
  return Array.isArray(value) && value.every((one) => typeof one === 'string') ? JSON.stringify(value) : null;
}

/** The key under which a record is remembered. */
export function recordKey({ primary, natural }: Keys): string {
  return primary ?? natural ?? '';
}

/** How people find a record in the source. */
export function recordName(model: string, pk: RawRecord['pk'], natural: readonly unknown[]): string {
  return `${model} ${pk ?? describeValue(natural)}`;
}

/** A value of the dump, of whatever kind, for people. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 200));
  if (typeof value !== 'object' || value === null) return String(value);
  return (naturalKey(value) ?? (Array.isArray(value) ? 'a list' : 'an object')).slice(0, 500);
}

/** Bytes of a primary key that an index has room for; the longest that Django's own fields make is a UUID. */
const LONGEST_KEY = 255;

export function keyProblem(pk: RawRecord['pk']): string | undefined {
  if (typeof pk !== 'string') return undefined;
  return isStorable(pk) && Buffer.byteLength(pk) <= LONGEST_KEY ? undefined : 'the primary key cannot be stored';
}
