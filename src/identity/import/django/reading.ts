import type { Entry } from '../report.ts';
import type { DjangoGroup, DjangoPermission, DjangoUser } from './records.ts';
import { type Lookup, shown } from './references.ts';

/** What reading a dump has come to so far. */
export class Reading {
  readonly permissions: DjangoPermission[] = [];
  readonly groups: DjangoGroup[] = [];
  readonly users: DjangoUser[] = [];
  readonly unmapped: Entry[] = [];
  readonly repeated: Entry[] = [];
  readonly #repeated = new Map<string, number>();
  datesWithoutZone = 0;

  unmap(record: string, name: string, what: string): void {
    this.unmapped.push({ record, name, what });
  }

  repeat(model: string, record: string, name: string): void {
    this.#repeated.set(model, this.repeatedOf(model) + 1);
    this.repeated.push({ record, name, what: 'another record of the dump has the same key' });
  }

  repeatedOf(model: string): number {
    return this.#repeated.get(model) ?? 0;
  }

  /** The records that a many-to-many field names; those that cannot be followed are listed. */
  follow<T>(references: unknown, lookup: Lookup<T>, record: string, name: string, what: string): T[] {
    if (references === undefined || references === null) return [];
    if (!Array.isArray(references)) {
      this.unmap(record, name, `its field of ${what}s is no list`);
      return [];
    }
    const values: T[] = [];
    for (const reference of references) {
      const found = lookup.find(reference);
      if ('value' in found) values.push(found.value);
      else this.unmap(record, name, `its ${what} ${shown(reference)} ${found.problem}`);
    }
    return values;
  }
}
