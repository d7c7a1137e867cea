import type { PermissionSpec } from '../../permissions/index.ts';
import { normalizeName } from '../../platform/casefold.ts';
import { isNaturalKey } from '../index.ts';
import type { Existing } from './existing.ts';
import type { PreviousImport } from './previous-imports.ts';
import type { DjangoGroup, DjangoUser, RenameCandidate, SourceRecord, ThroughTable } from './reader/records.ts';
import type { ResolvedDump } from './refused-names.ts';
import type { Changed, Entry, ImportReport } from './report.ts';

export interface ImportOptions {
  /** What verifying a stored password takes here, where it is too long to log in by (`Passwords.tooSlow`). */
  readonly tooSlow?: ((encoded: string) => number | null) | undefined;
  readonly existing: 'fail' | 'skip' | 'update';
  readonly superusers: 'api' | 'global';
  readonly trustEmails: boolean;
  /** What becomes of users who are gone from the dump: `report` by default. */
  readonly missing?: 'report' | 'deactivate' | undefined;
}

/** A row of the staging table: what the last transaction makes tables of. */
export interface PlannedRow {
  /** `old-…` is something that an earlier run made, and that changes. */
  readonly kind: 'permission' | 'old-permission' | 'new-group' | 'old-group' | 'new-user' | 'old-user';
  readonly row: Readonly<Record<string, unknown>>;
}

/** Whom a change reaches, beside the rows themselves: ids. */
export interface Effects {
  /** Users who may do less or more: at every API, or at this one. */
  readonly removed: { readonly allApis: string[]; readonly thisApi: string[] };
  readonly added: { readonly allApis: string[]; readonly thisApi: string[] };
  /** Groups whose members may do less or more at this API, or whose name changed. */
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

/** What an import is going to write. */
export interface Plan {
  readonly report: ImportReport;
  readonly specs: PermissionSpec[];
  readonly rows: PlannedRow[];
  /** Names of permissions that are imported, or that groups and users of the plan will hold. */
  readonly names: Set<string>;
  /** Records that another name would let in. */
  readonly renameCandidates: RenameCandidate[];
  readonly effects: Effects;
}

/** A plan in the making. */
export interface PlanState extends Plan {
  readonly dump: ResolvedDump;
  readonly existing: Existing;
  readonly options: ImportOptions;
  readonly now: Date;
  /** Names of permissions that the API has, or will have. */
  readonly available: Set<string>;
  /** `silent` of the dump, but for what was said since. */
  readonly silent: Set<ThroughTable['of']>;
  /** Ids of users that a record of the dump was imported as. */
  readonly matched: Set<string>;
  /** Ids of users whose name this import changes: it is free. */
  readonly renamed: Set<string>;
  /** Names that the dump's groups have here, by id. */
  readonly groupNames: Map<string, string>;
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
export function findPrevious(
  record: SourceRecord,
  previousByKey: ReadonlyMap<string, PreviousImport>,
  namesake: PreviousImport | undefined,
): PreviousImport | undefined {
  const sameKey = previousByKey.get(record.key);
  if (sameKey || !namesake) return sameKey;
  return isNaturalKey(namesake.key) !== isNaturalKey(record.key) ? namesake : undefined;
}

/** Records that fold to one name, by that name. */
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

/** The names that exist at the API, of those that a record holds. */
export function availablePermissions(
  state: PlanState,
  record: SourceRecord,
  name: string,
  permissions: readonly string[],
): string[] {
  return permissions.filter((permission) => {
    if (state.available.has(permission)) return true;
    state.report.unmapped.push(reportEntry(record, name, `its permission ${permission} was removed in Signet`));
    return false;
  });
}

export function reportEntry(record: SourceRecord, name: string, what: string): Entry {
  return { record: record.record, name, what };
}

export function changedEntry(record: SourceRecord, name: string, fields: readonly string[]): Changed {
  return { record: record.record, name, fields };
}

/** The note of a password by which nobody can log in here. */
export function reportPassword(
  { report, options }: PlanState,
  one: DjangoUser,
  { encoded, problem }: { readonly encoded: string; readonly problem: string | null },
): void {
  if (problem !== null) report.passwords.unusable.push(reportEntry(one, one.username, problem));
  const slow = options.tooSlow?.(encoded) ?? null;
  if (slow === null) return;
  report.passwords.slow.push(
    reportEntry(one, one.username, `verifying it takes about ${(slow / 1000).toFixed(1)} s here`),
  );
}

/** The note of a name that Unicode's NFKC spells in another way. */
export function reportSpelling(state: PlanState, record: SourceRecord, name: string): void {
  const spelling = normalizeName(name);
  if (spelling !== name) state.report.respelled.push(reportEntry(record, name, `stored as ${spelling}`));
}
