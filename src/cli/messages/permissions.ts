import type { PermissionErrors } from '../../permissions/index.ts';
import type { Messages } from '../command.ts';

export const permissionMessages: Messages<PermissionErrors> = {
  api_exists: {
    exit: 'conflict',
    text: ({ audience }) => `There is already an API "${audience}". To change it: npx signet api update ${audience}`,
  },
  api_not_found: {
    exit: 'notFound',
    text: ({ audience, near }) =>
      `There is no API "${audience}". ${near === null ? 'To list the APIs: npx signet api list' : `Did you mean "${near}"?`}`,
  },
  api_deleted_meanwhile: {
    exit: 'notFound',
    text: () => 'Another command deleted the API. Nothing was changed. To list the APIs: npx signet api list',
  },
  api_own_audience: {
    exit: 'conflict',
    text: ({ audience }) => `"${audience}" is Signet's own API. Choose another audience.`,
  },
  api_own_undeletable: {
    exit: 'conflict',
    text: () =>
      "Signet's own API guards the administration and cannot be deleted. To list the other APIs: npx signet api list",
  },
  audience_like_client_id: {
    exit: 'usage',
    text: () => 'An audience cannot start with "c_", because client ids do. Choose another audience.',
  },
  audience_invalid: {
    exit: 'usage',
    text: ({ audience }) =>
      `"${audience}" is not a valid audience. Use a short name of letters, digits, ".", "_" and "-", or an absolute URI without a fragment.`,
  },
  setting_out_of_range: {
    exit: 'usage',
    text: ({ setting, from, to }) =>
      `${setting === 'ttlSeconds' ? '--ttl' : '--budget'} takes ${from} to ${to} ${setting === 'ttlSeconds' ? 'seconds' : 'bytes'}.`,
  },
  permissions_not_found: {
    exit: 'notFound',
    text: ({ audience, names }) =>
      `The API "${audience}" has no permission ${names.join(', ')}. To list its permissions: npx signet api show ${audience}`,
  },
  catalogue_too_large: {
    exit: 'usage',
    text: ({ audience, count, max }) =>
      `"${audience}" would have ${count} permissions, and a catalogue can have at most ${max}. Remove some first.`,
  },
  group_exists: {
    exit: 'conflict',
    text: ({ name }) => `There is already a group "${name}". Choose another name.`,
  },
  group_not_found: {
    exit: 'notFound',
    text: ({ name, near }) =>
      `There is no group "${name}". ${near === null ? 'To list the groups: npx signet group list' : `Did you mean "${near}"?`}`,
  },
  group_name_too_long: {
    exit: 'usage',
    text: ({ max }) => `A group name can have at most ${max} characters. Choose a shorter name.`,
  },
  group_name_empty: { exit: 'usage', text: () => 'The name of the group is empty. Enter a name.' },
  group_name_unprintable: {
    exit: 'usage',
    text: () => 'A group name cannot contain control characters or invisible characters. Choose another name.',
  },
  document_unreadable: {
    exit: 'usage',
    text: ({ reason, line }) =>
      `The file is neither YAML nor JSON: ${reason}${line === 0 ? '' : ` (line ${line})`}. Correct the file.`,
  },
};
