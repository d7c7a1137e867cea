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

export interface DjangoGroup extends SourceRecord {
  readonly name: string;
  /** Names, each once. */
  readonly permissions: readonly string[];
}

export interface DjangoUser extends SourceRecord {
  readonly username: string;
  /** '' is none. */
  readonly email: string;
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

export interface DjangoDump {
  readonly permissions: Tables<DjangoPermission>;
  readonly groups: Tables<DjangoGroup>;
  readonly users: Tables<DjangoUser>;
  /** Records and parts of records that could not be read. */
  readonly unmapped: readonly Entry[];
  /** Records that share their key with another one of the dump. */
  readonly repeated: readonly Entry[];
  readonly unknownModels: Record<string, number>;
  readonly datesWithoutZone: number;
}
