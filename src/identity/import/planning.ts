import type { PermissionSpec } from '../../access/index.ts';
import { normalizeName } from '../../platform/fold.ts';
import { isNaturalKey } from '../index.ts';
import type { DjangoDump, DjangoGroup, Misnamed, SourceRecord } from './django/records.ts';
import type { Known, Ours } from './known.ts';
import type { Present } from './present.ts';
import type { Changed, Entry, ImportReport } from './report.ts';

export interface ImportOptions {
  readonly existing: 'fail' | 'skip' | 'update';
  readonly superusers: 'api' | 'global';
  readonly trustEmails: boolean;
}

/** A row of the staging table: what the last transaction makes tables of. */
export interface Staged {
  /** `old-…` is something that exists already and is added to. */
  readonly kind: 'permission' | 'new-group' | 'old-group' | 'new-user' | 'old-user';
  readonly row: Readonly<Record<string, unknown>>;
}

/** What an import is going to write. */
export interface Plan {
  readonly report: ImportReport;
  readonly specs: PermissionSpec[];
  readonly rows: Staged[];
  /** Names of permissions that are imported, or that groups and users of the plan will hold. */
  readonly names: Set<string>;
  /** Records that another name would let in. */
  readonly misnamed: Misnamed[];
  /** What exists already and is given more: ids. */
  readonly grown: { readonly principals: string[]; readonly groups: string[] };
}

/** A plan in the making. */
export interface Planning extends Plan {
  readonly dump: DjangoDump;
  readonly present: Present;
  readonly options: ImportOptions;
  readonly now: Date;
  /** Names of permissions that the API has, or will have. */
  readonly available: Set<string>;
  /** What each group of the dump is here; `why` says why it is nothing, null when that is said elsewhere. */
  readonly groups: Map<
    DjangoGroup,
    { readonly id: string } | { readonly why: string | null; readonly isSkipped?: boolean }
  >;
}

/**
 * What an earlier run made of a record. A record is known by its key; by its name only where the dump of one of the two runs
 * has primary keys and the other natural keys. Of one form, another key means another record.
 */
export function knownAs(
  record: SourceRecord,
  known: ReadonlyMap<string, Known>,
  ours: Ours | undefined,
): Known | undefined {
  return known.get(record.key) ?? (ours && isNaturalKey(ours.key) !== isNaturalKey(record.key) ? ours : undefined);
}

/** Records that fold to one name, by that name. */
export function groupByName<T>(records: readonly T[], nameOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of records) {
    const name = nameOf(one);
    const group = groups.get(name);
    if (group) group.push(one);
    else groups.set(name, [one]);
  }
  return groups;
}

/** The names that exist at the API, of those that a record holds. */
export function givenNames(
  planning: Planning,
  record: SourceRecord,
  name: string,
  permissions: readonly string[],
): string[] {
  return permissions.filter((permission) => {
    if (planning.available.has(permission)) return true;
    planning.report.unmapped.push(entryOf(record, name, `its permission ${permission} was removed in Signet`));
    return false;
  });
}

export function entryOf(record: SourceRecord, name: string, what: string): Entry {
  return { record: record.record, name, what };
}

export function changedOf(record: SourceRecord, name: string, fields: readonly string[]): Changed {
  return { record: record.record, name, fields };
}

/** The note of a name that Unicode's NFKC spells in another way. */
export function noteSpelling(planning: Planning, record: SourceRecord, name: string): void {
  const spelling = normalizeName(name);
  if (spelling !== name) planning.report.respelled.push(entryOf(record, name, `stored as ${spelling}`));
}
