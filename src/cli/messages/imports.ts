import type { ConcurrentChange, ImportErrors } from '../../imports/django/index.ts';
import type { Messages } from '../command.ts';

type Dump = { readonly file: string; readonly userModel: string };

/** Returns the command that creates a complete dump. `--output`, because `>` also captures the output of a settings file. */
function dumpCommand({ file, userModel }: Dump): string {
  const name = file.split(/[\\/]/).at(-1) ?? '';
  const output = /^[\w.+-]+$/.test(name) && name !== '-' ? name : 'dump.json';
  // -Xutf8, because Python on Windows writes files in the machine's code page.
  return `python -Xutf8 manage.py dumpdata contenttypes.contenttype auth.permission auth.group ${userModel} --output ${output}`;
}

/** The message about a dump that must be created again; `what` is the end of a sentence about the file. */
function badDump<Params extends Dump>(what: (params: Params) => string) {
  return {
    exit: 'usage',
    text: (params: Params) =>
      `${params.file} ${what(params)}. Create it again in the Django project:\n  ${dumpCommand(params)}`,
    details: (params: Params) => ({ command: dumpCommand(params) }),
  } as const;
}

const changes: Record<ConcurrentChange, string> = {
  object_changed: 'a user or a group was changed',
  object_created_or_deleted: 'a user, a group or a permission was created, deleted or imported',
  user_deleted: 'a user was deleted',
  api_deleted: 'the API was deleted',
  permission_removed: 'a permission was removed',
  staged_rows_deleted: 'a server deleted the staged rows',
};

function usernameFields(candidates: readonly string[]): string {
  const options = candidates.slice(0, 5).map((field) => `--username-field ${field}`);
  return options.length === 0
    ? 'Look for USERNAME_FIELD in the model, and name that field with --username-field.'
    : `Add: ${options.join(' or ')}`;
}

export const importMessages: Messages<ImportErrors> = {
  dump_too_large: badDump(({ maxMegabytes }) => `is larger than ${maxMegabytes} MB`),
  dump_not_utf8: badDump(
    ({ offset, line, byte }) =>
      `is not UTF-8: byte ${offset} (line ${line}) is 0x${byte.toString(16).padStart(2, '0').toUpperCase()}`,
  ),
  dump_other_encoding: badDump(({ encoding }) => `is ${encoding} and not UTF-8, as PowerShell's > writes it`),
  dump_empty: badDump(() => 'is empty'),
  dump_not_text: badDump(() => 'is not UTF-8 text'),
  dump_not_json: badDump(
    ({ start, hasEnd }) =>
      `is not JSON: it begins with ${JSON.stringify(start)}${hasEnd ? '' : ' and does not end with "]"'}`,
  ),
  dump_not_a_list: badDump(() => 'is JSON, but not the list of records that dumpdata writes'),
  dump_record_invalid: badDump(
    ({ entry }) => `is not a dump of Django: its entry ${entry} is not a record with model, pk and fields`,
  ),
  dump_table_missing: badDump(({ model }) => `refers to records of ${model}, but has none`),
  dump_without_records: badDump(() => 'has no users, groups or permissions'),
  dump_without_users: badDump(({ userModel }) => `has no records of ${userModel}`),
  user_model_not_in_dump: {
    exit: 'usage',
    text: ({ file, userModel, candidates }) =>
      `${file} has no records of ${userModel}, but of ${candidates.join(', ')}. If that is the project's AUTH_USER_MODEL, add: --user-model ${candidates[0]}`,
    details: ({ candidates }) => ({ candidates }),
  },
  user_model_malformed: {
    exit: 'usage',
    text: ({ label }) => `"${label}" is not the label of a user model. Use the form APP.MODEL, such as accounts.user.`,
  },
  user_model_invalid: {
    exit: 'usage',
    text: ({ file, userModel }) =>
      `The records of ${userModel} in ${file} have no password and username, so it is not the project's user model (AUTH_USER_MODEL). Name that one with --user-model.`,
  },
  username_field_not_found: {
    exit: 'usage',
    text: ({ file, userModel, field, candidates }) =>
      `The records of ${userModel} in ${file} have no names in a field "${field}". ${usernameFields(candidates)}`,
  },
  username_field_ambiguous: {
    exit: 'usage',
    text: ({ file, userModel, candidates }) =>
      `${file} does not show by which field the users of ${userModel} log in (its USERNAME_FIELD). ${usernameFields(candidates)}`,
    details: ({ candidates }) => ({ candidates }),
  },
  renames_unreadable: {
    exit: 'usage',
    text: ({ file, row, reason }) => `${file}, row ${row} is not valid CSV: ${reason}. Correct that row.`,
  },
  renames_header_missing: {
    exit: 'usage',
    text: ({ file, header }) => `${file} does not begin with the row ${header.join(',')}. Add that row.`,
  },
  renames_row_invalid: {
    exit: 'usage',
    text: ({ file, row, fields, expected }) =>
      `${file}, row ${row} has ${fields} fields in place of ${expected}. Correct that row.`,
  },
  renames_name_missing: {
    exit: 'usage',
    text: ({ file, row, record }) =>
      `${file}, row ${row} has no new name for ${record}. Enter a name, or remove that row.`,
  },
  renames_record_repeated: {
    exit: 'usage',
    text: ({ file, row, record }) => `${file}, row ${row} is the second row for ${record}. Remove one of the two.`,
  },
  renames_name_differs: {
    exit: 'usage',
    text: ({ file, record, name, nameInDump }) =>
      `${file} has the name ${JSON.stringify(name)} for ${record}, but the dump has ${JSON.stringify(nameInDump)}. Correct or remove that row.`,
  },
  renames_record_not_in_dump: {
    exit: 'usage',
    text: ({ file, record }) =>
      `${file} has a row for ${record}, but the dump has no such record. Correct or remove that row.`,
  },
  import_into_own_api: {
    exit: 'usage',
    text: () =>
      "That is Signet's own API, and its superusers administer Signet. Name another API with --api; it is created if it does not exist.",
  },
  user_model_differs: {
    exit: 'conflict',
    text: ({ audience, importedModel, userModel }) =>
      `The API ${audience} has users that were imported from ${importedModel}, and users of ${userModel} may have the same keys. Import them into another API.`,
  },
  missing_without_update: {
    exit: 'usage',
    text: () => '--missing deactivate needs --existing update. Add that option.',
  },
  missing_without_users: {
    exit: 'usage',
    text: ({ file, userModel }) =>
      `${file} has no users of ${userModel}, so --missing deactivate would deactivate all users. Create the dump again with ${userModel}, or leave that option out.`,
  },
  import_refused: {
    exit: 'conflict',
    text: ({ file }) => `Nothing was imported from ${file}. To see why, run the same command with --dry-run.`,
  },
  changed_during_import: {
    exit: 'conflict',
    text: ({ change }) => `Nothing was imported, because ${changes[change]} during the import. Run it again.`,
  },
  import_removes_last_superuser: {
    exit: 'conflict',
    text: () =>
      'Nothing was imported, because Signet would lose its last active superuser. Create another one first: npx signet createsuperuser',
  },
};
