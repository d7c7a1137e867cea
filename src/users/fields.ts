import type { PasswordCodes } from '../passwords/index.ts';
import { hasUnprintable, isNameSized, normalizeName } from '../platform/casefold.ts';
import type { ErrorParams } from '../platform/errors.ts';
import { MAX_NAME_LENGTH, reservedName } from './username-rules.ts';

/** What may be wrong with each field of a user. */
interface FieldCodes {
  readonly username: 'required' | 'max_length' | 'invalid' | 'reserved' | 'unique';
  readonly email: 'required' | 'invalid' | 'unique';
  readonly first_name: 'max_length' | 'invalid';
  readonly last_name: 'max_length' | 'invalid';
  readonly password: keyof PasswordCodes;
}

/** One error of one field, for RFC 9457 problems, forms and commands. */
export type FieldError = {
  [Field in keyof FieldCodes]: {
    /** JSON pointer (RFC 6901) to the field. */
    readonly pointer: `/${Field}`;
    readonly code: FieldCodes[Field];
    /** What a message about the error names. */
    readonly params?: ErrorParams;
  };
}[keyof FieldCodes];

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

const MAX_EMAIL_UNITS = 254;

/**
 * Returns the errors of a user's fields; empty if they are valid. `existing`: the name was accepted before and is not checked. The length of
 * a field is checked before anything else.
 */
export function checkUser(fields: UserFields, options: { existing?: boolean } = {}): FieldError[] {
  const errors: FieldError[] = [];
  if (!options.existing) {
    const name = normalizeName(fields.username);
    if (name === '') errors.push({ pointer: '/username', code: 'required' });
    else if (!isNameSized(fields.username) || [...name].length > MAX_NAME_LENGTH)
      errors.push({ pointer: '/username', code: 'max_length', params: { max: MAX_NAME_LENGTH } });
    else if (!username.test(name)) errors.push({ pointer: '/username', code: 'invalid' });
    else if (reservedName(name) !== null) errors.push({ pointer: '/username', code: 'reserved' });
  }
  if (fields.email && !isEmail(fields.email)) errors.push({ pointer: '/email', code: 'invalid' });
  for (const [pointer, value] of [
    ['/first_name', fields.firstName],
    ['/last_name', fields.lastName],
  ] as const) {
    if (value === undefined) continue;
    if (!isNameSized(value) || [...value].length > MAX_NAME_LENGTH)
      errors.push({ pointer, code: 'max_length', params: { max: MAX_NAME_LENGTH } });
    else if (hasUnprintable(value)) errors.push({ pointer, code: 'invalid' });
  }
  return errors;
}

function isEmail(text: string): boolean {
  return text.length <= MAX_EMAIL_UNITS && isNameSized(text) && email.test(text.trim()) && !hasUnprintable(text);
}
