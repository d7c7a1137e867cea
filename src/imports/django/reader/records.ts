import type { Note } from '../notes.ts';
import type { Entry } from '../report.ts';

/** The identification of a record, for people and for later runs. */
export interface SourceRecord {
  /** Model label and key, such as `auth.user 12`. */
  readonly record: string;
  /** Primary key, or the natural key if the dump has no primary keys, as JSON. */
  readonly key: string;
}

export interface DjangoPermission extends SourceRecord {
  /** `<app>.<codename>`, byte for byte, as in has_perm. */
  readonly name: string;
  readonly app: string;
  readonly codename: string;
  readonly model: string;
  readonly label: string;
}

/** A record with a name: a user or a group. */
export interface NamedRecord extends SourceRecord {
  /** Empty if it has none. */
  readonly sourceName: string;
  /** Why its name is refused; null if it is valid. */
  readonly nameProblem: Note | null;
}

export interface DjangoGroup extends NamedRecord {
  /** The name for the import (see `Renames`); empty if it is refused. */
  readonly name: string;
  /** Names without duplicates. */
  readonly permissions: readonly string[];
}

export interface DjangoUser extends NamedRecord {
  /** The name for the import (see `Renames`); empty if it is refused. */
  readonly username: string;
  /** Empty if the user has none. */
  readonly email: string;
  /** Whether django-allauth has verified it. */
  readonly isEmailVerified: boolean;
  readonly firstName: string;
  readonly lastName: string;
  /** As stored; null if the record has none. */
  readonly password: string | null;
  readonly isActive: boolean;
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
  readonly dateJoined: Date | null;
  readonly lastLogin: Date | null;
  readonly groups: readonly DjangoGroup[];
  /** Names of directly assigned permissions, without duplicates. */
  readonly permissions: readonly string[];
  /** Fields that Django's own user does not have. */
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** The records of one kind in a dump; `read` counts invalid ones too. */
export interface Tables<T> {
  readonly read: number;
  /** Number of those with the key of another record. */
  readonly repeated: number;
  readonly records: readonly T[];
}

/** The same of records that have names. */
export interface NamedTables<T> extends Tables<T> {
  /** Records with a refused name, which matter only if an earlier run imported them (`resolveRefusedNames`). */
  readonly refused: readonly T[];
}

/** A record that could be imported under another name, with its name in the source. */
export interface RenameCandidate {
  readonly kind: 'user' | 'group';
  readonly record: string;
  readonly name: string;
}

/** A project's own table of a user's groups or permissions: `ManyToManyField(…, through=…)`. */
export interface ThroughTable {
  readonly model: string;
  readonly of: 'groups' | 'user_permissions';
  readonly records: number;
  /** Its fields that are not imported. */
  readonly ignored: readonly string[];
}

/** The username field and the additional tables of a dump's users. */
export interface UserSource {
  /** Django's `USERNAME_FIELD`. */
  readonly usernameField: string;
  readonly through: readonly ThroughTable[];
  /** Number of further addresses of django-allauth, which are not imported. */
  readonly otherAddresses: number;
}

export interface DjangoDump {
  readonly source: UserSource;
  /** Fields that the dump lacks, if that was not reported yet. */
  readonly silent: readonly ThroughTable['of'][];
  /** Keys of all user records, valid or not. */
  readonly userKeys: ReadonlySet<string>;
  readonly renameCandidates: readonly RenameCandidate[];
  /** The entries of `unmapped` that are caused by a refused name, with its record. */
  readonly refusedNameEntries: ReadonlyMap<Entry, NamedRecord>;
  readonly unkept: readonly Entry[];
  readonly permissions: Tables<DjangoPermission>;
  readonly groups: NamedTables<DjangoGroup>;
  readonly users: NamedTables<DjangoUser>;
  /** Records and parts of records that could not be read. */
  readonly unmapped: readonly Entry[];
  /** Records with the key of another record in the dump. */
  readonly repeated: readonly Entry[];
  readonly unknownModels: Record<string, number>;
  readonly datesWithoutZone: number;
}
