import type { Note } from './notes.ts';
import type { UserSource } from './reader/records.ts';
import type { Rename } from './renames.ts';

/** A note about one record. */
export interface Entry extends Note {
  /** Model label and key in the source, such as `auth.user 12`. */
  readonly record: string;
  readonly name: string;
  /** The local name of a record whose name in the source is refused. */
  readonly keptName?: string;
}

export function createEntry(record: string, name: string, { code, params }: Note): Entry {
  return { record, name, code, params };
}

/** A record that differs from its last import. */
export interface Changed {
  readonly record: string;
  readonly name: string;
  /** The fields in which source and Signet differ; `deleted` if the local object was deleted; empty if no compared field differs. */
  readonly fields: readonly string[];
}

/** Permissions with one name: Django has one for each content type, and has_perm does not distinguish them. */
export interface Merged {
  readonly name: string;
  readonly records: readonly string[];
  readonly models: readonly string[];
}

/** The results for the records of one kind; all but the first add up to the first. */
export interface Counts {
  read: number;
  created: number;
  /** A permission that the API had, or an object changed by an update. */
  updated: number;
  /** A permission with the same name as an earlier record of the dump. */
  merged: number;
  /** Imported by an earlier run. */
  known: number;
  /** Exists from another source and was not changed (`existing: 'skip'`). */
  skipped: number;
  conflicts: number;
  /** Cannot be imported: see `unmapped`. */
  unfit: number;
}

/** The result of an import or of a dry run: names and reasons, never a password or hash. */
export interface ImportReport {
  /** Also in the audit entry of every record; null if nothing was written. */
  importId: string | null;
  readonly dryRun: boolean;
  readonly file: string;
  readonly api: string;
  readonly apiCreated: boolean;
  readonly userModel: string;
  source: UserSource;
  readonly permissions: Counts;
  readonly groups: Counts;
  readonly users: Counts;
  readonly added: { groupPermissions: number; memberships: number; userPermissions: number };
  readonly conflicts: Entry[];
  readonly skipped: Entry[];
  /** Users, groups and rights that cannot be imported. The import is refused without `allowUnmapped`. */
  readonly unmapped: Entry[];
  /** Fields of users, and labels, that cannot be stored. */
  readonly unkept: Entry[];
  /** A free name for each record that needs another one: rows of a file of renames. */
  renames: Rename[];
  readonly merged: Merged[];
  /** `slow`: kept, but not verified, because that takes longer than the delay of refusals (`passwords/hash-budget.ts`). */
  readonly passwords: { byAlgorithm: Record<string, number>; readonly unusable: Entry[]; readonly slow: Entry[] };
  /** `notUnique`: stored as unverified despite `trustEmails`. */
  readonly emails: { verified: number; unverified: number; readonly notUnique: Entry[] };
  readonly superusers: { readonly of: 'api' | 'global'; readonly names: string[] };
  readonly staff: { readonly of: 'api' | 'global'; readonly names: string[] };
  /** Changed in the source since the import; nothing was overwritten. In an update: it is unknown which side changed it. */
  readonly changedInDump: Changed[];
  /** Applied changes of an update. */
  readonly applied: Changed[];
  /** Activity, flags, memberships and permissions that an update removes, regardless of changes in Signet. */
  readonly takenAway: Changed[];
  /** The last active superusers of Signet, whom the import would remove: it is refused. */
  readonly lastSuperusers: Entry[];
  /** Changed on both sides before an update; Signet's value stays. */
  readonly keptHere: Changed[];
  /** Users and groups of earlier runs that are no longer in the dump of an update. */
  readonly missing: Entry[];
  /** Changed in Signet since the import; nothing was undone. */
  readonly changedInSignet: Changed[];
  /** Usernames that look like e-mail addresses: a login prefers them to another user's address. */
  readonly addressLikeNames: Entry[];
  /** Names that were not in NFKC in the source. */
  readonly respelled: Entry[];
  /** The number of users for each field beyond Django's own, which is stored as an attribute. */
  attributes: Record<string, number>;
  /** The number of records for each model that is not imported. */
  unknownModels: Record<string, number>;
  datesWithoutZone: number;
}

export interface ReportHeader {
  readonly dryRun: boolean;
  readonly file: string;
  readonly api: string;
  readonly apiCreated: boolean;
  readonly userModel: string;
  readonly superusers: 'api' | 'global';
}

export function emptyReport(heading: ReportHeader): ImportReport {
  const { superusers: of, ...rest } = heading;
  return {
    importId: null,
    ...rest,
    source: { usernameField: 'username', through: [], otherAddresses: 0 },
    permissions: emptyCounts(),
    groups: emptyCounts(),
    users: emptyCounts(),
    added: { groupPermissions: 0, memberships: 0, userPermissions: 0 },
    conflicts: [],
    skipped: [],
    unmapped: [],
    unkept: [],
    renames: [],
    merged: [],
    passwords: { byAlgorithm: {}, unusable: [], slow: [] },
    emails: { verified: 0, unverified: 0, notUnique: [] },
    superusers: { of, names: [] },
    staff: { of, names: [] },
    changedInDump: [],
    applied: [],
    takenAway: [],
    lastSuperusers: [],
    keptHere: [],
    missing: [],
    changedInSignet: [],
    addressLikeNames: [],
    respelled: [],
    attributes: {},
    unknownModels: {},
    datesWithoutZone: 0,
  };
}

/** Returns whether an import is refused: for conflicts, unmapped records, or the loss of the last superuser. */
export function isRefused(
  report: ImportReport,
  { allowUnmapped }: { readonly allowUnmapped?: boolean | undefined },
): boolean {
  const isFatal = report.conflicts.length + report.lastSuperusers.length > 0;
  return isFatal || (report.unmapped.length > 0 && !allowUnmapped);
}

function emptyCounts(): Counts {
  return { read: 0, created: 0, updated: 0, merged: 0, known: 0, skipped: 0, conflicts: 0, unfit: 0 };
}

/** Counts by name. Uses a map, because a name in a dump may be `__proto__`. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  toRecord(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
