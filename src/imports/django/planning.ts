import type { PermissionSpec } from '../../permissions/index.ts';
import { normalizeName } from '../../platform/casefold.ts';
import { isNaturalKey } from '../index.ts';
import type { Known } from './known.ts';
import type { Present } from './present.ts';
import type { DjangoGroup, DjangoUser, Misnamed, SourceRecord, ThroughTable } from './reader/records.ts';
import type { Changed, Entry, ImportReport } from './report.ts';
import type { SettledDump } from './settle.ts';

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
export interface Staged {
  /** `old-…` is something that an earlier run made, and that changes. */
  readonly kind: 'permission' | 'old-permission' | 'new-group' | 'old-group' | 'new-user' | 'old-user';
  readonly row: Readonly<Record<string, unknown>>;
}

/** Whom a change reaches, beside the rows themselves: ids. */
export interface Effects {
  /** Users who may do less or more: at every API, or at this one. */
  readonly less: { readonly everywhere: string[]; readonly here: string[] };
  readonly more: { readonly everywhere: string[]; readonly here: string[] };
  /** Groups whose members may do less or more at this API, or whose name changed. */
  readonly groups: { readonly less: string[]; readonly more: string[]; readonly renamed: string[] };
  readonly deactivated: string[];
  readonly newPasswords: string[];
}

export function noEffects(): Effects {
  return {
    less: { everywhere: [], here: [] },
    more: { everywhere: [], here: [] },
    groups: { less: [], more: [], renamed: [] },
    deactivated: [],
    newPasswords: [],
  };
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
  readonly effects: Effects;
}

/** A plan in the making. */
export interface Planning extends Plan {
  readonly dump: SettledDump;
  readonly present: Present;
  readonly options: ImportOptions;
  readonly now: Date;
  /** Names of permissions that the API has, or will have. */
  readonly available: Set<string>;
  /** `silent` of the dump, but for what was said since. */
  readonly silent: Set<ThroughTable['of']>;
  /** Ids of users that a record of the dump was imported as. */
  readonly matched: Set<string>;
  /** Ids of users whose name this import changes: it is free. */
  readonly leaving: Set<string>;
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
export function knownAs(
  record: SourceRecord,
  known: ReadonlyMap<string, Known>,
  ours: Known | undefined,
): Known | undefined {
  return known.get(record.key) ?? (ours && isNaturalKey(ours.key) !== isNaturalKey(record.key) ? ours : undefined);
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
export function givenNames(
  planning: Planning,
  record: SourceRecord,
  name: string,
  permissions: readonly string[],
): string[] {
  return permissions.filter((permission) => {
    if (planning.available.has(permission)) return true;
    planning.report.unmapped.push(reportEntry(record, name, `its permission ${permission} was removed in Signet`));
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
export function notePassword(
  { report, options }: Planning,
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
export function noteSpelling(planning: Planning, record: SourceRecord, name: string): void {
  const spelling = normalizeName(name);
  if (spelling !== name) planning.report.respelled.push(reportEntry(record, name, `stored as ${spelling}`));
}
