import type { Entry } from '../report.ts';

/** What every record has: how a person finds it, and how a second run does. */
export interface SourceRecord {
  /** Model label and key, such as `auth.user 12`. */
  readonly record: string;
  /** Primary key, or the natural key where the dump has none, as JSON. */
  readonly key: string;
}

export interface DjangoPermission extends SourceRecord {
  /** `<app>.<codename>`, byte for byte: what has_perm is asked for. */
  readonly name: string;
  readonly app: string;
  readonly codename: string;
  readonly model: string;
  readonly label: string;
}

/** A record that has a name here. */
export interface NamedRecord extends SourceRecord {
  /** '' is none. */
  readonly sourceName: string;
  /** Why it cannot have its name here; null where it can. */
  readonly nameProblem: string | null;
}

export interface DjangoGroup extends NamedRecord {
  /** As it is to be called here: see `Renames`; '' where it cannot be. */
  readonly name: string;
  /** Names, each once. */
  readonly permissions: readonly string[];
}

export interface DjangoUser extends NamedRecord {
  /** As it is to be called here: see `Renames`; '' where it cannot be. */
  readonly username: string;
  /** '' is none. */
  readonly email: string;
  /** Whether django-allauth has verified it. */
  readonly isEmailVerified: boolean;
  readonly firstName: string;
  readonly lastName: string;
  /** As stored; null when the record has none. */
  readonly password: string | null;
  readonly isActive: boolean;
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
  readonly dateJoined: Date | null;
  readonly lastLogin: Date | null;
  readonly groups: readonly DjangoGroup[];
  /** Names of what was given to the user directly, each once. */
  readonly permissions: readonly string[];
  /** Fields that Django's own user does not have. */
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** How many records of a kind the dump holds, fit or not. */
export interface Tables<T> {
  readonly read: number;
  /** Of these, those whose key another record has. */
  readonly repeated: number;
  readonly records: readonly T[];
}

/** The same of records that have names. */
export interface NamedTables<T> extends Tables<T> {
  /** Those that cannot have their name here: they are something only where an earlier import made it (`settle`). */
  readonly refused: readonly T[];
}

/** A record that another name would let in, and what it is called in the source. */
export interface RenameCandidate {
  readonly kind: 'user' | 'group';
  readonly record: string;
  readonly name: string;
}

/** A table of the project's own that holds what users have: `ManyToManyField(…, through=…)`. */
export interface ThroughTable {
  readonly model: string;
  readonly of: 'groups' | 'user_permissions';
  readonly records: number;
  /** Fields of it that have no place here. */
  readonly ignored: readonly string[];
}

/** How the users of a dump are called and what their tables are. */
export interface UserSource {
  /** Django's `USERNAME_FIELD`. */
  readonly usernameField: string;
  readonly through: readonly ThroughTable[];
  /** Addresses of django-allauth beside the one that each user has: they have no place here. */
  readonly otherAddresses: number;
}

export interface DjangoDump {
  readonly source: UserSource;
  /** Fields of which it says nothing, and nothing was said of that yet. */
  readonly silent: readonly ThroughTable['of'][];
  /** Keys of every record of a user, fit or not. */
  readonly userKeys: ReadonlySet<string>;
  readonly renameCandidates: readonly RenameCandidate[];
  /** Entries of `unmapped` that say of a record that its name is refused, or that it is gone with that. */
  readonly byName: ReadonlyMap<Entry, NamedRecord>;
  readonly unkept: readonly Entry[];
  readonly permissions: Tables<DjangoPermission>;
  readonly groups: NamedTables<DjangoGroup>;
  readonly users: NamedTables<DjangoUser>;
  /** Records and parts of records that could not be read. */
  readonly unmapped: readonly Entry[];
  /** Records that share their key with another one of the dump. */
  readonly repeated: readonly Entry[];
  readonly unknownModels: Record<string, number>;
  readonly datesWithoutZone: number;
}
