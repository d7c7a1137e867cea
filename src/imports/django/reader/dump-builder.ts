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

/** What reading a dump has come to so far. */
export class DumpBuilder {
  readonly permissions: DjangoPermission[] = [];
  readonly groups: DjangoGroup[] = [];
  readonly users: DjangoUser[] = [];
  readonly refused = { groups: [] as DjangoGroup[], users: [] as DjangoUser[] };
  readonly unmapped: Entry[] = [];
  readonly unkept: Entry[] = [];
  /** Users and groups whose name has no place here: another name would help. */
  readonly renameCandidates: RenameCandidate[] = [];
  readonly byName = new Map<Entry, NamedRecord>();
  readonly repeated: Entry[] = [];
  readonly #repeated = new Map<string, number>();
  readonly #renames: Renames;
  /** Keys of every user, fit or not. */
  readonly userKeys = new Set<string>();
  otherAddresses = 0;
  datesWithoutZone = 0;

  constructor(renames: Renames) {
    this.#renames = renames;
  }

  /** The name that a record is to have here. */
  nameFor(record: string, name: string): string {
    return this.#renames.nameFor(record, name);
  }

  /** A person, a group or a right that has no place here. */
  addUnmapped(record: string, name: string, what: string): Entry {
    const entry = { record, name, what };
    this.unmapped.push(entry);
    return entry;
  }

  /** A field of less weight that cannot be kept. */
  addUnkept(record: string, name: string, what: string): void {
    this.unkept.push({ record, name, what });
  }

  /** Notes why a record cannot have its name here; what it says otherwise may still count. `isNamed`: another name would help. */
  addRefusedName(kind: RenameCandidate['kind'], one: NamedRecord, isNamed: boolean): void {
    const { record, sourceName: name, nameProblem } = one;
    this.byName.set(this.addUnmapped(record, name, nameProblem ?? ''), one);
    if (isNamed) this.renameCandidates.push({ kind, record, name });
  }

  addRepeated(model: string, record: string, name: string): void {
    this.#repeated.set(model, this.repeatedCount(model) + 1);
    this.repeated.push({ record, name, what: 'another record of the dump has the same key' });
  }

  repeatedCount(model: string): number {
    return this.#repeated.get(model) ?? 0;
  }

  /** The records that a many-to-many field names; those that cannot be followed are listed, those whose name is refused too. */
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
          this.byName.set(entry, value as T & NamedRecord);
        }
      } else this.addUnmapped(record, name, `its ${what} ${describeValue(reference)} ${found.problem}`);
    }
    return values;
  }
}
