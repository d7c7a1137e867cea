import { groupNameProblem, MAX_CODENAME_LENGTH } from '../../../permissions/index.ts';
import { isStorable } from '../../../platform/casefold.ts';
import { importedNameProblem } from '../../../users/index.ts';
import { type IdentifierPart, type Note, note } from '../notes.ts';

/** Reads a value of Django's BooleanField: booleans and the texts that its `to_python` accepts; undefined for any other value. */
export function readFlag(value: unknown): boolean | undefined {
  if (value === true || value === 1 || value === '1' || value === 'True' || value === 'true' || value === 't')
    return true;
  if (value === false || value === 0 || value === '0' || value === 'False' || value === 'false' || value === 'f')
    return false;
  return value === null ? false : undefined;
}

const moment = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$/;

export interface Moment {
  readonly at: Date;
  /** False in projects with USE_TZ off, whose local time is read as UTC. */
  readonly hasZone: boolean;
}

/** Reads a value of Django's DateTimeField or DateField; undefined if it is not a date, or one that PostgreSQL does not accept. */
export function readMoment(value: unknown): Moment | undefined {
  const parts = typeof value === 'string' ? moment.exec(value) : null;
  if (!parts) return undefined;
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '.000', zone = 'Z'] = parts;
  const offset = zone === 'Z' || zone.includes(':') ? zone : `${zone.slice(0, 3)}:${zone.slice(3)}`;
  const at = new Date(
    `${year}-${month}-${day}T${hour}:${minute}:${second}${fraction.slice(0, 4).padEnd(4, '0')}${offset}`,
  );
  if (Number.isNaN(at.getTime()) || at.getUTCFullYear() < 1 || at.getUTCFullYear() > 9999) return undefined;
  return { at, hasZone: parts[8] !== undefined };
}

/**
 * Returns why a text cannot be part of a permission's name; null if it can. Names are stored byte for byte, so an invalid one is refused and
 * not changed.
 */
export function identifierProblem(part: IdentifierPart, text: string): Note | null {
  if (text === '') return note('identifier_empty', { part });
  if ([...text].length > MAX_CODENAME_LENGTH) return note('identifier_too_long', { part, max: MAX_CODENAME_LENGTH });
  if (/\p{Cc}/u.test(text) || !isStorable(text)) return note('identifier_unprintable', { part });
  return null;
}

/** Returns why a name cannot be that of a group; null if it can. */
export function groupProblem(name: string): Note | null {
  const problem = groupNameProblem(name);
  return problem === undefined ? null : { code: problem.code, params: problem.params };
}

/** Returns why a name cannot be a username; null if it can. */
export function usernameProblem(name: string): Note | null {
  const problem = importedNameProblem(name);
  return problem ?? null;
}

/** The maximum nesting of a stored value. */
const MAX_DEPTH = 32;

/** Returns whether jsonb can store a value: no NUL, no lone surrogate, not too deep. */
export function isStorableValue(value: unknown, depth = 0): boolean {
  if (typeof value === 'string') return isStorable(value);
  if (typeof value !== 'object' || value === null) return true;
  if (depth >= MAX_DEPTH) return false;
  return Object.entries(value).every(([name, inner]) => isStorable(name) && isStorableValue(inner, depth + 1));
}
