import type { RawRecord } from './json.ts';
import type { ThroughTable } from './records.ts';
import { referenceKey } from './references.ts';

/** Values of users from other tables, by the user's primary or natural key. */
export class SideTable<T> {
  readonly #byUser = new Map<string, T[]>();

  add(user: unknown, value: T): void {
    const key = referenceKey(user) ?? '';
    const values = this.#byUser.get(key);
    if (values) values.push(value);
    else this.#byUser.set(key, [value]);
  }

  /** Returns and removes the values of the user with these keys. */
  take(keys: readonly (string | null)[]): T[] {
    return keys.flatMap((key) => {
      const values = key === null ? undefined : this.#byUser.get(key);
      if (key !== null) this.#byUser.delete(key);
      return values ?? [];
    });
  }

  /** Keys of users whose values were not taken. */
  get remainingKeys(): string[] {
    return [...this.#byUser.keys()];
  }
}

/** django-allauth's addresses. */
export const EMAIL_ADDRESS = 'account.emailaddress';

export interface Address {
  readonly email: string;
  readonly isVerified: boolean;
  readonly isPrimary: boolean;
}

export function readAddresses(records: readonly RawRecord[]): SideTable<Address> {
  const addresses = new SideTable<Address>();
  for (const { fields } of records) {
    const { user, email, verified, primary } = fields;
    if (typeof email === 'string')
      addresses.add(user, { email, isVerified: verified === true, isPrimary: primary === true });
  }
  return addresses;
}

/** References to groups or permissions from a project's own table. */
export interface ThroughRows {
  readonly table: ThroughTable;
  readonly rows: SideTable<unknown>;
}

/**
 * Returns the tables that may contain a missing many-to-many field of the user model. A dump does not tell which table a field goes
 * through: a table qualifies if it refers to users and to groups (or permissions). The caller cannot choose between two.
 */
export function findThrough(
  tables: ReadonlyMap<string, readonly RawRecord[]>,
  ignoredModels: readonly string[],
  userModel: string,
  of: ThroughTable['of'],
): ThroughRows[] {
  const target = of === 'groups' ? /group$/ : /permission$/;
  const model = userModel.split('.')[1] ?? '';
  const isUser = (field: string) => field === model || /user$|^(member|person|account|owner)$/.test(field);
  const found: ThroughRows[] = [];
  for (const [label, records] of tables) {
    const fields = Object.keys(records[0]?.fields ?? {});
    const [user, ...otherUsers] = fields.filter(isUser);
    const [value, ...otherValues] = fields.filter((field) => target.test(field));
    if (ignoredModels.includes(label) || user === undefined || value === undefined) continue;
    if (otherUsers.length + otherValues.length > 0 || label.startsWith('guardian.')) continue;
    const isTable = records.every(
      (raw) => referenceKey(raw.fields[user]) !== null && referenceKey(raw.fields[value]) !== null,
    );
    if (!isTable) continue;
    const rows = new SideTable<unknown>();
    for (const raw of records) rows.add(raw.fields[user], raw.fields[value]);
    const ignored = fields.filter((field) => field !== user && field !== value);
    found.push({ table: { model: label, of, records: records.length, ignored }, rows });
  }
  return found;
}
