import type { PermissionSpec } from '../../permissions/index.ts';
import { normalizeName } from '../../platform/casefold.ts';
import { isNaturalKey } from '../index.ts';
import type { Existing } from './existing.ts';
import type { ImportedPassword } from './imported-values.ts';
import { type Note, note } from './notes.ts';
import type { PreviousImport } from './previous-imports.ts';
import type { DjangoGroup, DjangoUser, RenameCandidate, SourceRecord, ThroughTable } from './reader/records.ts';
import type { ResolvedDump } from './refused-names.ts';
import { type Changed, createEntry, type Entry, type ImportReport } from './report.ts';

export interface ImportOptions {
  /** Returns the milliseconds of verifying a stored password if that is too slow to log in (`Passwords.tooSlow`). */
  readonly tooSlow?: ((encoded: string) => number | null) | undefined;
  readonly existing: 'fail' | 'skip' | 'update';
  readonly superusers: 'api' | 'global';
  readonly trustEmails: boolean;
  /** The treatment of users who are no longer in the dump; the default is `report`. */
  readonly missing?: 'report' | 'deactivate' | undefined;
}

/** A row for the staging table, from which the last transaction writes the other tables. */
export interface PlannedRow {
  /** `old-…` is an object of an earlier run that changes. */
  readonly kind: 'permission' | 'old-permission' | 'new-group' | 'old-group' | 'new-user' | 'old-user';
  readonly row: Readonly<Record<string, unknown>>;
}

/** The users and groups that an import affects beyond their own rows, by id. */
export interface Effects {
  /** Users who lose or gain rights, at every API or at this one. */
  readonly removed: { readonly allApis: string[]; readonly thisApi: string[] };
  readonly added: { readonly allApis: string[]; readonly thisApi: string[] };
  /** Groups whose members lose or gain rights at this API, or whose name changes. */
  readonly groups: { readonly removed: string[]; readonly added: string[]; readonly renamed: string[] };
  readonly deactivated: string[];
  readonly newPasswords: string[];
}

export function emptyEffects(): Effects {
  return {
    removed: { allApis: [], thisApi: [] },
    added: { allApis: [], thisApi: [] },
    groups: { removed: [], added: [], renamed: [] },
    deactivated: [],
    newPasswords: [],
  };
}

/** The rows that an import will write. */
export interface Plan {
  readonly report: ImportReport;
  readonly specs: PermissionSpec[];
  readonly rows: PlannedRow[];
  /** Names of permissions that are imported, or assigned to groups and users of the plan. */
  readonly names: Set<string>;
  /** Records that could be imported under another name. */
  readonly renameCandidates: RenameCandidate[];
  readonly effects: Effects;
}

/** A plan under construction. */
export interface PlanState extends Plan {
  readonly dump: ResolvedDump;
  readonly existing: Existing;
  readonly options: ImportOptions;
  readonly now: Date;
  /** Names of permissions that the API has or will have. */
  readonly available: Set<string>;
  /** Fields in `silent` of the dump that were not reported yet. */
  readonly silent: Set<ThroughTable['of']>;
  /** Local ids of users and groups with a record in the dump. */
  readonly matched: Set<string>;
  /** Ids of users whom this import renames: their old names are free. */
  readonly renamed: Set<string>;
  /** Local names of the dump's groups, by id. */
  readonly groupNames: Map<string, string>;
  /** The local id of each group of the dump, or why it has none; null if that is reported elsewhere. */
  readonly groups: Map<
    DjangoGroup,
    { readonly id: string } | { readonly problem: 'group_deleted' | 'group_skipped' | null }
  >;
}

/**
 * Returns the previous import of a record: by key, or by name if one of the two dumps has primary keys and the other natural keys. With keys
 * of the same form, different keys mean different records. `namesake` is the previous import of the local object with the record's name.
 */
export function findPrevious(
  record: SourceRecord,
  previousByKey: ReadonlyMap<string, PreviousImport>,
  namesake: PreviousImport | undefined,
): PreviousImport | undefined {
  const sameKey = previousByKey.get(record.key);
  if (sameKey || !namesake) return sameKey;
  return isNaturalKey(namesake.key) !== isNaturalKey(record.key) ? namesake : undefined;
}

/** Groups records by folded name. */
export function groupByName<T>(records: readonly T[], readName: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of records) {
    const name = readName(one);
    const group = groups.get(name);
    if (group) group.push(one);
    else groups.set(name, [one]);
  }
  return groups;
}

/** Returns those permissions of a record that exist at the API, and reports the others. */
export function availablePermissions(
  state: PlanState,
  record: SourceRecord,
  name: string,
  permissions: readonly string[],
): string[] {
  return permissions.filter((permission) => {
    if (state.available.has(permission)) return true;
    state.report.unmapped.push(reportEntry(record, name, note('permission_removed', { permission })));
    return false;
  });
}

export function reportEntry(record: SourceRecord, name: string, about: Note): Entry {
  return createEntry(record.record, name, about);
}

export function changedEntry(record: SourceRecord, name: string, fields: readonly string[]): Changed {
  return { record: record.record, name, fields };
}

/** Reports a password that cannot be used to log in. */
export function reportPassword(
  { report, options }: PlanState,
  one: DjangoUser,
  { encoded, problem }: Pick<ImportedPassword, 'encoded' | 'problem'>,
): void {
  if (problem !== null) report.passwords.unusable.push(reportEntry(one, one.username, problem));
  const milliseconds = options.tooSlow?.(encoded) ?? null;
  if (milliseconds === null) return;
  report.passwords.slow.push(reportEntry(one, one.username, note('password_slow', { milliseconds })));
}

/** Reports a name that differs from its NFKC form. */
export function reportSpelling(state: PlanState, record: SourceRecord, name: string): void {
  const storedName = normalizeName(name);
  if (storedName === name) return;
  state.report.respelled.push(reportEntry(record, name, note('name_normalized', { storedName })));
}
