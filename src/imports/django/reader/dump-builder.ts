import type { Renames } from '../renames.ts';
import type { Entry } from '../report.ts';
import type {
  DjangoGroup,
  DjangoPermission,
  DjangoUser,
  NamedRecord,
  RenameCandidate,
  SourceRecord,
} from './records.ts';
import { describeValue, type Lookup } from './references.ts';

/** Collects the records and notes of a dump while it is read. */
export class DumpBuilder {
  readonly permissions: DjangoPermission[] = [];
  readonly groups: DjangoGroup[] = [];
  readonly users: DjangoUser[] = [];
  readonly refused = { groups: [] as DjangoGroup[], users: [] as DjangoUser[] };
  readonly unmapped: Entry[] = [];
  readonly unkept: Entry[] = [];
  /** Users and groups with an invalid name, which could be imported under another one. */
  readonly renameCandidates: RenameCandidate[] = [];
  readonly refusedNameEntries = new Map<Entry, NamedRecord>();
  readonly repeated: Entry[] = [];
  readonly #repeated = new Map<string, number>();
  readonly #renames: Renames;
  /** Keys of all users, valid or not. */
  readonly userKeys = new Set<string>();
  otherAddresses = 0;
  datesWithoutZone = 0;

  constructor(renames: Renames) {
    this.#renames = renames;
  }

  /** Returns the name under which a record is imported. */
  nameFor(record: string, name: string): string {
    return this.#renames.nameFor(record, name);
  }

  /** Notes a user, group or right that cannot be imported. */
  addUnmapped(record: string, name: string, what: string): Entry {
    const entry = { record, name, what };
    this.unmapped.push(entry);
    return entry;
  }

  /** Notes a less important field that cannot be stored. */
  addUnkept(record: string, name: string, what: string): void {
    this.unkept.push({ record, name, what });
  }

  /** Notes why a record's name is refused; its other fields may still be used. `isNamed`: it could be imported under another name. */
  addRefusedName(kind: RenameCandidate['kind'], one: NamedRecord, isNamed: boolean): void {
    const { record, sourceName: name, nameProblem } = one;
    this.refusedNameEntries.set(this.addUnmapped(record, name, nameProblem ?? ''), one);
    if (isNamed) this.renameCandidates.push({ kind, record, name });
  }

  addRepeated(model: string, record: string, name: string): void {
    this.#repeated.set(model, this.repeatedCount(model) + 1);
    this.repeated.push({ record, name, what: 'another record of the dump has the same key' });
  }

  repeatedCount(model: string): number {
    return this.#repeated.get(model) ?? 0;
  }

  /** Returns the records of a many-to-many field. Notes references without a record, and to records whose name is refused. */
  resolveReferences<T extends SourceRecord & Partial<Pick<NamedRecord, 'nameProblem'>>>(
    references: unknown,
    lookup: Lookup<T>,
    record: string,
    name: string,
    what: string,
  ): T[] {
    if (references === undefined || references === null) return [];
    if (!Array.isArray(references)) {
      this.addUnmapped(record, name, `its field of ${what}s is no list`);
      return [];
    }
    const values: T[] = [];
    for (const reference of references) {
      const found = lookup.find(reference);
      if ('value' in found) {
        const { value } = found;
        values.push(value);
        if (value.nameProblem) {
          const entry = this.addUnmapped(record, name, `its ${what} ${describeValue(reference)} could not be mapped`);
          this.refusedNameEntries.set(entry, value as T & NamedRecord);
        }
      } else this.addUnmapped(record, name, `its ${what} ${describeValue(reference)} ${found.problem}`);
    }
    return values;
  }
}
