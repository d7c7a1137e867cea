import type { IdentifierPart, Note, NoteCodes } from '../../imports/django/index.ts';
import { DomainError, type ErrorParams } from '../../platform/errors.ts';
import { message } from '../../ui/messages.ts';
import { toFailure } from '../messages.ts';

const fields = { permission: 'permission', group: 'group', content_type: 'content type', user: 'user' } as const;
const parts: Record<IdentifierPart, string> = { codename: 'codename', app_label: 'app label', model: 'model' };

/** What is wrong with a field, by the code of the field error. */
function fieldProblem(field: string, reason: string): string {
  if (field === 'email') return 'it is not a valid e-mail address';
  return reason === 'max_length' ? 'it is too long' : 'it has control characters or invisible characters';
}

/** Sentences about a record, for the report of an import: complete, or it does not compile. */
const texts: { readonly [Code in keyof NoteCodes]: (params: NoteCodes[Code]) => string } = {
  name_missing: ({ kind }) => (kind === 'user' ? 'It has no username.' : 'It has no name.'),
  username_too_long: ({ max }) => `A username can have at most ${max} characters.`,
  username_empty: () => 'Its username is empty.',
  username_unprintable: () => 'A username cannot contain control characters or invisible characters.',
  username_like_id: () => 'A username cannot look like an id.',
  username_like_client_id: () => 'A username cannot begin with c_ or https://, as client ids do.',
  username_built_in: () => 'This username is reserved for Signet.',
  primary_key_invalid: () => 'Its primary key cannot be stored.',
  key_repeated: () => 'Another record of the dump has the same key.',
  reference_malformed: ({ field, reference }) => `Its ${fields[field]} ${reference} is not a reference.`,
  reference_not_in_dump: ({ field, reference }) => `Its ${fields[field]} ${reference} is not in the dump.`,
  reference_not_imported: ({ field, reference }) => `Its ${fields[field]} ${reference} cannot be imported.`,
  reference_incomplete: ({ field, reference }) => `Its ${fields[field]} ${reference} has no app label or model.`,
  references_not_a_list: ({ field }) => `Its ${field}s are not a list.`,
  codename_missing: () => 'It has no codename.',
  identifier_empty: ({ part }) => `Its ${parts[part]} is empty.`,
  identifier_too_long: ({ part, max }) => `Its ${parts[part]} is longer than ${max} characters.`,
  identifier_unprintable: ({ part }) => `Its ${parts[part]} has control characters.`,
  label_invalid: () => 'Its label cannot be stored. The codename becomes the label.',
  field_not_storable: ({ field }) => `Its ${field} cannot be stored.`,
  field_invalid: ({ field, value, reason }) =>
    `Its ${field} ${JSON.stringify(value)} cannot be stored, because ${fieldProblem(field, reason)}.`,
  email_not_primary: () => 'Its e-mail address is not the primary address of django-allauth.',
  flag_invalid: ({ field }) => `Its ${field} is neither true nor false, and is read as false.`,
  date_invalid: ({ field }) => `Its ${field} is not a date.`,
  attribute_not_a_number: ({ field }) =>
    `Its field ${JSON.stringify(field)} is NaN or infinite, which JSON cannot express.`,
  attribute_not_storable: ({ field }) => `Its field ${JSON.stringify(field)} cannot be stored.`,
  attribute_too_large: ({ field, maxBytes }) =>
    `Its field ${JSON.stringify(field)} is larger than ${maxBytes} bytes, or has too long a name.`,
  through_ambiguous: ({ field, models }) =>
    `Its ${field} may be in any of ${models.join(', ')}. Leave the other tables out of the dump.`,
  through_missing: ({ field }) =>
    `It has no ${field} in the dump. If they are in a table of the project, add that table to the dump.`,
  permission_removed: ({ permission }) => `The permission ${permission} was removed in Signet.`,
  group_deleted: ({ group }) => `Its group "${group}" was deleted in Signet.`,
  group_skipped: ({ group }) => `Its group "${group}" was skipped: Signet has a group of this name from elsewhere.`,
  password_missing: () => 'It has no password.',
  password_empty: () => 'Its password is empty.',
  password_unreadable: () => 'Its password is malformed or of an unknown kind.',
  password_over_bounds: ({ bound, value, max }) =>
    `Its password takes too long to verify: ${message('password_hash.over_bound', { bound, value, max })}.`,
  password_slow: ({ milliseconds }) => `Its password takes about ${(milliseconds / 1000).toFixed(1)} s to verify here.`,
  name_normalized: ({ storedName }) => `It is stored as "${storedName}".`,
  name_repeated: ({ record, name }) => `${record} "${name}" has the same name in Signet.`,
  name_taken: ({ kind, name }) => `Signet has a ${kind} "${name}" from elsewhere.`,
  email_not_unique: ({ record }) => `Its e-mail address is also that of ${record ?? 'a user in Signet'}.`,
  username_is_email: ({ record }) => `It is the e-mail address of ${record ?? 'a user in Signet'}.`,
  username_like_email: () => 'It looks like an e-mail address.',
  record_missing: () => 'It is no longer in the dump.',
  missing_user_inactive: () => 'It is no longer in the dump, and is inactive already.',
  missing_user_deactivated: () => 'It is no longer in the dump, and is deactivated.',
  last_superuser_lost: () => 'Signet would lose this superuser, and there is no other one.',
};

/** Returns what a report says about a record, in sentences. */
export function noteText({ code, params, keptName }: Note & { readonly keptName?: string }): string {
  const own = (texts as unknown as Record<string, ((params: ErrorParams) => string) | undefined>)[code];
  const text = own ? own(params) : toFailure(new DomainError(code, params)).message;
  return keptName === undefined ? text : `${text} It keeps the name ${JSON.stringify(keptName)} in Signet.`;
}
