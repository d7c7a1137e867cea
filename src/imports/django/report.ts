import type { UserSource } from './reader/records.ts';
import type { Rename } from './renames.ts';

/** Something about one record. */
export interface Entry {
  /** Model label and key in the source, such as `auth.user 12`. */
  readonly record: string;
  readonly name: string;
  readonly what: string;
}

/** A record that is no longer what it was imported as. */
export interface Changed {
  readonly record: string;
  readonly name: string;
  /** In which fields source and Signet differ now; `deleted` when it is gone here; empty when they show no difference. */
  readonly fields: readonly string[];
}

/** Permissions of one name: Django keeps one for each content type, has_perm cannot tell them apart. */
export interface Merged {
  readonly name: string;
  readonly records: readonly string[];
  readonly models: readonly string[];
}

/** What became of the records of one kind; all but the first sum up to the first. */
export interface Counts {
  read: number;
  created: number;
  /** A permission that the API had, or what `--existing update` changed. */
  updated: number;
  /** A permission that is one with an earlier record of the dump. */
  merged: number;
  /** Imported by an earlier run. */
  known: number;
  /** Existed under another source and was left alone (`--existing skip`). */
  skipped: number;
  conflicts: number;
  /** Has no place here: see `unmapped`. */
  unfit: number;
}

/** What an import did, or would do: names and reasons, never a password or hash. */
export interface ImportReport {
  /** Also in the audit entry of every record; null when nothing was written. */
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
  /** People, groups and rights that have no place here: they end an import unless `--allow-unmapped` lets them go. */
  readonly unmapped: Entry[];
  /** Fields of users, and labels, that could not be kept. */
  readonly unkept: Entry[];
  /** For each record that needs another name one that is free: rows of a file for `--renames`. */
  renames: Rename[];
  readonly merged: Merged[];
  /** `slow`: kept, but verified by nobody, because it would take longer than a refusal (`passwords/hash-budget.ts`). */
  readonly passwords: { byAlgorithm: Record<string, number>; readonly unusable: Entry[]; readonly slow: Entry[] };
  /** `notUnique`: stored unverified although `--trust-emails` was given. */
  readonly emails: { verified: number; unverified: number; readonly notUnique: Entry[] };
  readonly superusers: { readonly of: 'api' | 'global'; readonly names: string[] };
  readonly staff: { readonly of: 'api' | 'global'; readonly names: string[] };
  /** Changed in the source since it was imported; nothing was overwritten. With `--existing update`: it cannot be told who changed it. */
  readonly changedInDump: Changed[];
  /** With `--existing update`: what was brought. */
  readonly applied: Changed[];
  /** Also: activity, flags, memberships and permissions that were taken away, whatever was changed in Signet. */
  readonly takenAway: Changed[];
  /** Who would be lost as the last active superusers of Signet: no import does that. */
  readonly lastSuperusers: Entry[];
  /** Also: changed on both sides; what Signet has stays. */
  readonly keptHere: Changed[];
  /** Also: users and groups that an earlier run imported and the dump holds no more. */
  readonly missing: Entry[];
  /** Changed in Signet since it was imported; nothing was undone. */
  readonly changedInSignet: Changed[];
  /** Usernames that look like e-mail addresses: such a name comes before the address of somebody else at a login. */
  readonly addressLikeNames: Entry[];
  /** Names that Signet stores in NFKC and the source did not. */
  readonly respelled: Entry[];
  /** Users by field beyond Django's own, kept as attributes. */
  attributes: Record<string, number>;
  /** Records by model that an import has no use for. */
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

/** Whether an import of this report changes nothing: something met another of its name, or would be lost, or nobody could rule Signet. */
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

/** Counts by name. A map inside, because a name of a dump may be `__proto__`. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  toRecord(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
