import { isStorable } from '../../../platform/fold.ts';
import { checkUser, reservedName } from '../../index.ts';
import { isStorableValue, nameProblem, readFlag, readMoment } from './fields.ts';
import type { RawRecord } from './json.ts';
import type { Reading } from './reading.ts';
import type { DjangoGroup, DjangoPermission, DjangoUser } from './records.ts';
import { keyProblem, keysOf, type Lookup, recordKey, recordName, shown } from './references.ts';

/** The fields of `auth.User`; every other one is an attribute. */
const DJANGO_FIELDS = new Set(
  'password last_login is_superuser username first_name last_name email is_staff is_active date_joined groups user_permissions'.split(
    ' ',
  ),
);

/** The field that names a user: Django's `USERNAME_FIELD`, which a dump does not tell. Undefined: this is no user model. */
export function usernameField(records: readonly RawRecord[]): 'username' | 'email' | undefined {
  if (!records.some((raw) => 'password' in raw.fields)) return undefined;
  return (['username', 'email'] as const).find((field) => records.some((raw) => typeof raw.fields[field] === 'string'));
}

export interface UserTables {
  readonly nameField: 'username' | 'email';
  readonly permissions: Lookup<DjangoPermission>;
  readonly groups: Lookup<DjangoGroup>;
  readonly users: Lookup<null>;
}

export function readUser(raw: RawRecord, tables: UserTables, reading: Reading): void {
  const username = raw.fields[tables.nameField];
  const natural = [username];
  const keys = keysOf(raw.pk, natural);
  const record = recordName(raw.model, raw.pk, natural);
  const name = typeof username === 'string' ? username : '';
  if (!tables.users.add(keys, { value: null })) {
    reading.repeat(raw.model, record, name);
    return;
  }
  const problem =
    typeof username !== 'string'
      ? 'it has no username'
      : (nameProblem(username) ?? reservedProblem(username) ?? keyProblem(raw.pk));
  if (problem !== undefined) {
    reading.unmap(record, name, problem);
    return;
  }
  const note = (what: string) => reading.unmap(record, name, what);
  const permissions = reading.follow(raw.fields['user_permissions'], tables.permissions, record, name, 'permission');
  const groups = reading.follow(raw.fields['groups'], tables.groups, record, name, 'group');
  reading.users.push({
    record,
    key: recordKey(keys),
    username: name,
    email: emailOf(raw, note),
    firstName: textOf(raw, 'first_name', note),
    lastName: textOf(raw, 'last_name', note),
    password: typeof raw.fields['password'] === 'string' ? raw.fields['password'] : null,
    ...flagsOf(raw, note),
    dateJoined: dateOf(raw, 'date_joined', reading, note),
    lastLogin: dateOf(raw, 'last_login', reading, note),
    groups: [...new Set(groups)],
    permissions: [...new Set(permissions.map((one) => one.name))],
    attributes: attributesOf(raw, note),
  });
}

/** Signet never gives such a name, so none comes in by an import either. */
function reservedProblem(username: string): string | undefined {
  const why = reservedName(username);
  return why === null ? undefined : `the name ${why}: give the user another one in Django, and make the dump again`;
}

type Note = (what: string) => void;

function textOf(raw: RawRecord, field: string, note: Note): string {
  const value = raw.fields[field] ?? '';
  if (typeof value === 'string' && isStorable(value)) return value;
  note(`its ${field} cannot be stored`);
  return '';
}

/** Django checks addresses in forms only, so a column may hold anything. */
function emailOf(raw: RawRecord, note: Note): string {
  const email = textOf(raw, 'email', note).trim();
  if (email === '' || checkUser({ username: '', email }, { existing: true }).length === 0) return email;
  note('its email is no e-mail address');
  return '';
}

/** What cannot be read is the lesser right. A model without `is_active` has active users: Django's AbstractBaseUser. */
function flagsOf(raw: RawRecord, note: Note): Pick<DjangoUser, 'isActive' | 'isStaff' | 'isSuperuser'> {
  const flag = (field: string, absent: boolean) => {
    if (!(field in raw.fields)) return absent;
    const value = readFlag(raw.fields[field]);
    if (value === undefined) note(`its ${field} is neither true nor false: taken as false`);
    return value ?? false;
  };
  return {
    isActive: flag('is_active', true),
    isStaff: flag('is_staff', false),
    isSuperuser: flag('is_superuser', false),
  };
}

function dateOf(raw: RawRecord, field: string, reading: Reading, note: Note): Date | null {
  const value = raw.fields[field];
  if (value === undefined || value === null) return null;
  const moment = readMoment(value);
  if (!moment) note(`its ${field} is no date`);
  else if (!moment.hasZone) reading.datesWithoutZone++;
  return moment?.at ?? null;
}

/** Made from entries: a field may be called `__proto__`. */
function attributesOf(raw: RawRecord, note: Note): Record<string, unknown> {
  const extra = Object.entries(raw.fields).filter(([field]) => !DJANGO_FIELDS.has(field));
  const kept = extra.filter(([field, value]) => {
    if (isStorable(field) && isStorableValue(value)) return true;
    note(`its field ${shown(field)} cannot be stored`);
    return false;
  });
  return Object.fromEntries(kept);
}
