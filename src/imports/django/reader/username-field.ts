import { Failure } from '../../../platform/errors.ts';
import type { RawRecord } from './json.ts';

/** Fields of a user that name nobody, though they may differ from one to the next. */
const OTHER_FIELDS = new Set(['password', 'first_name', 'last_name', 'last_login', 'date_joined']);
const DEFAULT_MODEL = 'auth.user';
const USUAL = ['username', 'email'] as const;

/** Whether records could be those of a user model: Django's AbstractBaseUser has a password. */
export function areUsers(records: readonly RawRecord[]): boolean {
  return records.some((raw) => 'password' in raw.fields) && namingFields(records).length > 0;
}

/** The text of a field that names a user; undefined when it is none. A number is one: of a member, of a telephone. */
export function readName(raw: RawRecord, field: string): string | undefined {
  const value = raw.fields[field];
  return typeof value === 'string' ? value : Number.isSafeInteger(value) ? String(value) : undefined;
}

/**
 * The field that names a user: Django's `USERNAME_FIELD`, which a dump does not tell. Where the records leave one field only, it is
 * that one; where they leave two, the operator says which. Failure: nothing names them, or more than one thing could.
 */
export function findUsernameField(
  records: readonly RawRecord[],
  others: Iterable<readonly RawRecord[]>,
  userModel: string,
  file: string,
  given: string | undefined,
): string {
  if (given !== undefined) {
    if (records.length === 0 || records.some((raw) => readName(raw, given) !== undefined)) return given;
    throw new Failure(
      'usage',
      `${userModel} has no field "${given}" of names in ${file}. ${ask(namingFields(records))}`,
    );
  }
  // Django's own model: nobody can change what it logs in by.
  if (records.length === 0 || userModel === DEFAULT_MODEL) return 'username';
  const fields = namingFields(records);
  const shown = referredTo(records, fields, others);
  if (shown.length === 1) return shown[0] as string;
  const unique = fields.filter((field) => isUnique(records, field));
  const usual = USUAL.filter((field) => unique.includes(field));
  const present = USUAL.filter((field) => fields.includes(field));
  for (const candidates of [usual, usual.length === 0 ? present : [], present.length === 0 ? unique : []]) {
    if (candidates.length === 1) return candidates[0] as string;
    if (candidates.length > 1) throw undecided(userModel, file, candidates);
  }
  throw undecided(userModel, file, fields);
}

function undecided(userModel: string, file: string, fields: readonly string[]): Failure {
  return new Failure(
    'usage',
    `${file} does not show by which field the users of ${userModel} log in (its USERNAME_FIELD). ${ask(fields)}`,
    { candidates: fields },
  );
}

function ask(fields: readonly string[]): string {
  const ways = fields.slice(0, 5).map((field) => `--username-field ${field}`);
  return ways.length === 0 ? 'Look at the model.' : `Add: ${ways.join(' or ')}`;
}

function namingFields(records: readonly RawRecord[]): string[] {
  const fields = new Set(records.flatMap((raw) => Object.keys(raw.fields)));
  return [...fields].filter(
    (field) =>
      !OTHER_FIELDS.has(field) && records.some((raw) => typeof raw.fields[field] === 'string' && raw.fields[field]),
  );
}

/** A `USERNAME_FIELD` is unique, and never empty. */
function isUnique(records: readonly RawRecord[], field: string): boolean {
  const names = records.map((raw) => readName(raw, field));
  return names.every((name) => name) && new Set(names).size === records.length;
}

/** By which of the fields other records refer to users: natural keys (`--natural-foreign`) are values of `USERNAME_FIELD`. */
function referredTo(
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
