import { hasUnprintable, isNameSized, normalizeName } from '../platform/casefold.ts';
import { reservedName } from './username-rules.ts';

/** One error of one field, as shown in RFC 9457 problems and forms. */
export interface FieldError {
  /** JSON pointer (RFC 6901) into the request. */
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

/** The fields of a user that people type. */
export interface UserFields {
  readonly username: string;
  readonly email?: string;
  readonly firstName?: string;
  readonly lastName?: string;
}

/** Django's characters without `@`, so that a name is never an e-mail address; not `-` first, so that it is never a command-line option. */
const username = /^[\p{L}\p{M}\p{N}_.+][\p{L}\p{M}\p{N}_.+-]*$/u;

/** Deliberately loose: only a reply to a mail proves that an address works. */
const email = /^[^\s\p{C}@"(),:;<>[\\\]]+@[^\s\p{C}@"(),:;<>[\\\]]+$/u;

/** The longest username, first name or last name, in characters. */
const MAX_NAME = 150;
const MAX_EMAIL_UNITS = 254;

/**
 * Returns the errors of a user's fields; empty if they are valid. `existing`: the name was accepted before and is not checked. The length of
 * a field is checked before anything else.
 */
export function checkUser(fields: UserFields, options: { existing?: boolean } = {}): FieldError[] {
  const errors: FieldError[] = [];
  if (!options.existing) {
    const name = normalizeName(fields.username);
    if (name === '') errors.push({ pointer: '/username', code: 'required', detail: 'A username is needed.' });
    else if (!isNameSized(fields.username) || [...name].length > MAX_NAME)
      errors.push({ pointer: '/username', code: 'max_length', detail: 'A username has 150 characters at most.' });
    else if (!username.test(name))
      errors.push({
        pointer: '/username',
        code: 'invalid',
        detail: 'A username may contain letters, digits and . + - _ only, and not begin with -.',
      });
    else if (reservedName(name) !== null)
      errors.push({
        pointer: '/username',
        code: 'reserved',
        detail: 'A username may not look like an id (a UUID), begin with c_ as client ids do, or be "signet".',
      });
  }
  if (fields.email && !isEmail(fields.email))
    errors.push({ pointer: '/email', code: 'invalid', detail: 'This is no e-mail address.' });
  for (const [pointer, value] of [
    ['/first_name', fields.firstName],
    ['/last_name', fields.lastName],
  ] as const) {
    if (value === undefined) continue;
    if (!isNameSized(value) || [...value].length > MAX_NAME)
      errors.push({ pointer, code: 'max_length', detail: 'A name has 150 characters at most.' });
    else if (hasUnprintable(value))
      errors.push({ pointer, code: 'invalid', detail: 'A name may not contain control or invisible characters.' });
  }
  return errors;
}

function isEmail(text: string): boolean {
  return text.length <= MAX_EMAIL_UNITS && isNameSized(text) && email.test(text.trim()) && !hasUnprintable(text);
}
