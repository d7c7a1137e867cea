import { casefoldName, isStorable } from '../../../platform/casefold.ts';
import { checkUser } from '../../../users/index.ts';
import { type Note, note } from '../notes.ts';
import type { DumpBuilder } from './dump-builder.ts';
import { isStorableValue, readFlag, readMoment, usernameProblem } from './fields.ts';
import { NOT_A_NUMBER, type RawRecord } from './json.ts';
import type { DjangoGroup, DjangoPermission, DjangoUser, NamedRecord } from './records.ts';
import { keyProblem, type Lookup, recordKey, recordKeys, recordName } from './references.ts';
import type { Address, SideTable } from './side-tables.ts';
import { readName } from './username-field.ts';

/** The fields of `auth.User` except the username. Other fields are attributes, and so is a username that is not the USERNAME_FIELD. */
const DJANGO_FIELDS = new Set(
  'password last_login is_superuser first_name last_name email is_staff is_active date_joined groups user_permissions'.split(
    ' ',
  ),
);

export interface UserTables {
  readonly nameField: string;
  readonly permissions: Lookup<DjangoPermission>;
  readonly groups: Lookup<DjangoGroup>;
  readonly users: Lookup<null>;
  readonly addresses: SideTable<Address>;
  /** References from a project's own table that replaces the field. */
  readonly through: { readonly groups: SideTable<unknown>; readonly user_permissions: SideTable<unknown> };
}

export function readUser(raw: RawRecord, tables: UserTables, builder: DumpBuilder): void {
  const sourceName = readName(raw, tables.nameField);
  const natural = [sourceName];
  const keys = recordKeys(raw.pk, natural);
  const both = [keys.primary, keys.natural];
  const record = recordName(raw.model, raw.pk, natural);
  const addresses = tables.addresses.take(both);
  const readReferences = (field: 'groups' | 'user_permissions') => {
    const others = tables.through[field].take(both);
    return raw.fields[field] ?? (others.length === 0 ? undefined : others);
  };
  const related = {
    groups: readReferences('groups'),
    permissions: readReferences('user_permissions'),
    addresses,
  };
  const importName = sourceName === undefined ? '' : builder.nameFor(record, sourceName);
  if (!tables.users.add(keys, { value: null })) {
    builder.addRepeated(raw.model, record, importName);
    return;
  }
  builder.userKeys.add(recordKey(keys));
  const nameless = sourceName === undefined ? note('name_missing', { kind: 'user' }) : null;
  const problem = keyProblem(raw.pk);
  if (problem !== null) {
    builder.addUnmapped(record, importName, nameless ?? problem);
    return;
  }
  const nameProblem = nameless ?? usernameProblem(importName);
  const names = { username: nameProblem === null ? importName : '', sourceName: sourceName ?? '', nameProblem };
  const user = toUser(raw, { record, key: recordKey(keys), ...names }, related, tables, builder);
  if (nameProblem === null) builder.users.push(user);
  else {
    builder.refused.users.push(user);
    builder.addRefusedName('user', user, nameProblem, nameless === null);
  }
}

type UserNames = NamedRecord & Pick<DjangoUser, 'username'>;

/** The fields of a user that are stored beside its record. */
interface RelatedFields {
  readonly groups: unknown;
  readonly permissions: unknown;
  readonly addresses: readonly Address[];
}

/** Reads the other fields of a record, even if its name is refused: a user of an earlier import may have lost rights. */
function toUser(
  raw: RawRecord,
  one: UserNames,
  related: RelatedFields,
  tables: UserTables,
  builder: DumpBuilder,
): DjangoUser {
  const { record } = one;
  const name = one.username || one.sourceName;
  const drop = (about: Note) => builder.addUnkept(record, name, about);
  const permissions = builder.resolveReferences(related.permissions, tables.permissions, record, name, 'permission');
  const groups = builder.resolveReferences(related.groups, tables.groups, record, name, 'group');
  const text = readFields(raw, drop);
  return {
    ...one,
    ...text,
    ...readAddress(text.email, related.addresses, builder, drop),
    password: typeof raw.fields['password'] === 'string' ? raw.fields['password'] : null,
    ...readFlags(raw, (about) => builder.addUnmapped(record, name, about)),
    dateJoined: readDate(raw, 'date_joined', builder, drop),
    lastLogin: readDate(raw, 'last_login', builder, drop),
    groups: [...new Set(groups)],
    permissions: [...new Set(permissions.map((one) => one.name))],
    attributes: readAttributes(raw, tables.nameField, drop),
  };
}

type AddNote = (about: Note) => void;

const POINTERS = { '/email': 'email', '/first_name': 'first_name', '/last_name': 'last_name' } as const;

/** Reads text fields within the bounds of user fields. Django validates addresses in forms only, so a column may contain any text. */
function readFields(raw: RawRecord, drop: AddNote): Pick<DjangoUser, 'email' | 'firstName' | 'lastName'> {
  const text = (field: string) => {
    const value = raw.fields[field] ?? '';
    if (typeof value === 'string' && isStorable(value)) return value;
    drop(note('field_not_storable', { field }));
    return '';
  };
  const fields = { email: text('email').trim(), first_name: text('first_name'), last_name: text('last_name') };
  const user = { username: '', email: fields.email, firstName: fields.first_name, lastName: fields.last_name };
  for (const { pointer, code } of checkUser(user, { existing: true })) {
    const field = POINTERS[pointer as keyof typeof POINTERS];
    drop(note('field_invalid', { field, value: fields[field].slice(0, 80), reason: code }));
    fields[field] = '';
  }
  return { email: fields.email, firstName: fields.first_name, lastName: fields.last_name };
}

/** Reads from django-allauth whether the user's address is verified, and the address if the user record has none. */
function readAddress(
  email: string,
  addresses: readonly Address[],
  builder: DumpBuilder,
  drop: AddNote,
): Pick<DjangoUser, 'email' | 'isEmailVerified'> {
  const primary = addresses.find((one) => one.isPrimary && one.isVerified);
  const isFit = (text: string) => checkUser({ username: '', email: text }, { existing: true }).length === 0;
  const chosen = email === '' && primary && isFit(primary.email) ? primary.email : email;
  const key = casefoldName(chosen);
  const [same, others] = [
    addresses.filter((one) => one.email.length <= 254 && casefoldName(one.email) === key),
    addresses.filter((one) => one.email.length > 254 || casefoldName(one.email) !== key),
  ];
  builder.otherAddresses += others.length;
  if (primary && !same.includes(primary)) drop(note('email_not_primary'));
  return { email: chosen, isEmailVerified: chosen !== '' && same.some((one) => one.isVerified) };
}

/** Reads the flags. An unreadable flag is false. Without `is_active` users are active, as in Django's AbstractBaseUser. */
function readFlags(raw: RawRecord, add: AddNote): Pick<DjangoUser, 'isActive' | 'isStaff' | 'isSuperuser'> {
  const flag = (field: string, absent: boolean) => {
    if (!(field in raw.fields)) return absent;
    const value = readFlag(raw.fields[field]);
    if (value === undefined) add(note('flag_invalid', { field }));
    return value ?? false;
  };
  return {
    isActive: flag('is_active', true),
    isStaff: flag('is_staff', false),
    isSuperuser: flag('is_superuser', false),
  };
}

function readDate(raw: RawRecord, field: string, builder: DumpBuilder, drop: AddNote): Date | null {
  const value = raw.fields[field];
  if (value === undefined || value === null) return null;
  const moment = readMoment(value);
  if (!moment) drop(note('date_invalid', { field }));
  else if (!moment.hasZone) builder.datesWithoutZone++;
  return moment?.at ?? null;
}

/** The maximum size of one attribute in bytes: enough for the address of a picture, but not for the picture. */
const MAX_ATTRIBUTE_BYTES = 16 * 1024;

/** Reads attributes. Built from entries, because a field may be named `__proto__`. */
function readAttributes(raw: RawRecord, nameField: string, drop: AddNote): Record<string, unknown> {
  const extra = Object.entries(raw.fields).filter(([field]) => !DJANGO_FIELDS.has(field) && field !== nameField);
  const storable = extra.filter(([field, value]) => {
    const problem = attributeProblem(field, value);
    if (problem) drop(problem);
    return problem === null;
  });
  return Object.fromEntries(storable);
}

function attributeProblem(name: string, value: unknown): Note | null {
  const field = name.slice(0, 200);
  if (value === NOT_A_NUMBER) return note('attribute_not_a_number', { field });
  if (!isStorable(name) || !isStorableValue(value)) return note('attribute_not_storable', { field });
  const isLarge = Buffer.byteLength(JSON.stringify(value) ?? '') > MAX_ATTRIBUTE_BYTES || name.length > 255;
  return isLarge ? note('attribute_too_large', { field, maxBytes: MAX_ATTRIBUTE_BYTES }) : null;
}
