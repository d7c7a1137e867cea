import { importError } from '../errors.ts';
import type { RawRecord } from './json.ts';

/** Text fields of a user that are never the username, though they may be unique. */
const OTHER_FIELDS = new Set(['password', 'first_name', 'last_name', 'last_login', 'date_joined']);
const DEFAULT_MODEL = 'auth.user';
const USUAL = ['username', 'email'] as const;

/** Returns whether records may belong to a user model: Django's AbstractBaseUser has a password. */
export function areUsers(records: readonly RawRecord[]): boolean {
  return records.some((raw) => 'password' in raw.fields) && namingFields(records).length > 0;
}

/** Returns a username field as text; undefined for other types. Numbers are accepted, such as membership or telephone numbers. */
export function readName(raw: RawRecord, field: string): string | undefined {
  const value = raw.fields[field];
  return typeof value === 'string' ? value : Number.isSafeInteger(value) ? String(value) : undefined;
}

/**
 * Finds Django's `USERNAME_FIELD`, which is not part of a dump. If the records leave one candidate, that is returned; otherwise the operator
 * must name the field. Throws `username_field_ambiguous` if there is no candidate or more than one.
 */
export function findUsernameField(
  records: readonly RawRecord[],
  others: Iterable<readonly RawRecord[]>,
  userModel: string,
  file: string,
  option: string | undefined,
): string {
  if (option !== undefined) {
    if (records.length === 0 || records.some((raw) => readName(raw, option) !== undefined)) return option;
    const candidates = namingFields(records);
    throw importError('username_field_not_found', { file, userModel, field: option, candidates });
  }
  // Django's own model has a fixed username field.
  if (records.length === 0 || userModel === DEFAULT_MODEL) return 'username';
  const fields = namingFields(records);
  const referenced = referencedFields(records, fields, others);
  if (referenced.length === 1) return referenced[0] as string;
  const unique = fields.filter((field) => isUnique(records, field));
  const usual = USUAL.filter((field) => unique.includes(field));
  const usualFields = USUAL.filter((field) => fields.includes(field));
  for (const candidates of [usual, usual.length === 0 ? usualFields : [], usualFields.length === 0 ? unique : []]) {
    if (candidates.length === 1) return candidates[0] as string;
    if (candidates.length > 1) throw importError('username_field_ambiguous', { file, userModel, candidates });
  }
  throw importError('username_field_ambiguous', { file, userModel, candidates: fields });
}

function namingFields(records: readonly RawRecord[]): string[] {
  const fields = new Set(records.flatMap((raw) => Object.keys(raw.fields)));
  return [...fields].filter(
    (field) =>
      !OTHER_FIELDS.has(field) && records.some((raw) => typeof raw.fields[field] === 'string' && raw.fields[field]),
  );
}

/** Returns whether a field is unique and never empty, as a `USERNAME_FIELD` is. */
function isUnique(records: readonly RawRecord[], field: string): boolean {
  const names = records.map((raw) => readName(raw, field));
  return names.every((name) => name) && new Set(names).size === records.length;
}

/** Returns the fields whose values other records use to refer to users: natural keys (`--natural-foreign`) are values of `USERNAME_FIELD`. */
function referencedFields(
  records: readonly RawRecord[],
  fields: readonly string[],
  others: Iterable<readonly RawRecord[]>,
): string[] {
  const names = new Set<string>();
  for (const table of others)
    for (const { fields: of } of table) {
      const value = of['user'];
      if (Array.isArray(value) && value.length === 1 && typeof value[0] === 'string') names.add(value[0]);
    }
  if (names.size === 0) return [];
  return fields.filter((field) => {
    const values = new Set(records.map((raw) => readName(raw, field)));
    return [...names].every((name) => values.has(name));
  });
}
