import { type Note, note } from '../notes.ts';
import type { Renames } from '../renames.ts';
import { createEntry, type Entry } from '../report.ts';
import type {
  DjangoGroup,
  DjangoPermission,
  DjangoUser,
  NamedRecord,
  RenameCandidate,
  SourceRecord,
} from './records.ts';
import { describeValue, type Lookup, type ReferenceProblem } from './references.ts';

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
  addUnmapped(record: string, name: string, about: Note): Entry {
    const entry = createEntry(record, name, about);
    this.unmapped.push(entry);
    return entry;
  }

  /** Notes a less important field that cannot be stored. */
  addUnkept(record: string, name: string, about: Note): void {
    this.unkept.push(createEntry(record, name, about));
  }

  /** Notes why a record's name is refused; its other fields may still be used. `isNamed`: it could be imported under another name. */
  addRefusedName(kind: RenameCandidate['kind'], one: NamedRecord, problem: Note, isNamed: boolean): void {
    const { record, sourceName: name } = one;
    this.refusedNameEntries.set(this.addUnmapped(record, name, problem), one);
    if (isNamed) this.renameCandidates.push({ kind, record, name });
  }

  addRepeated(model: string, record: string, name: string): void {
    this.#repeated.set(model, this.repeatedCount(model) + 1);
    this.repeated.push(createEntry(record, name, note('key_repeated')));
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
    field: 'permission' | 'group',
  ): T[] {
    if (references === undefined || references === null) return [];
    if (!Array.isArray(references)) {
      this.addUnmapped(record, name, note('references_not_a_list', { field }));
      return [];
    }
    const values: T[] = [];
    for (const reference of references) {
      const found = lookup.find(reference);
      const add = (problem: ReferenceProblem) =>
        this.addUnmapped(record, name, note(problem, { field, reference: describeValue(reference) }));
      if ('value' in found) {
        const { value } = found;
        values.push(value);
        if (value.nameProblem) this.refusedNameEntries.set(add('reference_not_imported'), value as T & NamedRecord);
      } else add(found.problem);
    }
    return values;
  }
}
