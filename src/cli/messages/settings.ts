import type { ConfigErrors, SettingFaults } from '../../platform/config/index.ts';
import type { DomainError } from '../../platform/errors.ts';
import type { Messages } from '../command.ts';

/** What a setting accepts, after "must be". */
const accepted: { readonly [Code in keyof SettingFaults]: (params: SettingFaults[Code]) => string } = {
  setting_control_character: ({ character }) => `text without control characters; it has ${character}`,
  setting_padded: () => 'text without blanks before or after it',
  setting_not_whole_number: ({ from, to }) => `a whole number from ${from} to ${to}`,
  setting_not_a_choice: ({ choices }) => `one of: ${choices.join(', ')}`,
  setting_not_origin: ({ normal }) =>
    `origins such as ${normal ?? 'https://app.example'}, as browsers write them: without a path or a slash at the end`,
  setting_not_network: () => 'addresses or networks such as 10.0.0.0/8, comma-separated',
  setting_network_mapped: ({ normal }) => `IPv4 addresses in the form of IPv4: ${normal}`,
  setting_network_too_wide: ({ ipv4, ipv6 }) => `networks of proxies only, /${ipv4} or smaller (IPv6: /${ipv6})`,
  setting_network_has_all_ipv4: () => 'networks that do not contain all of IPv4',
  setting_not_target: () => 'host:port or networks such as rp.internal:8443,10.0.0.0/8, comma-separated',
  setting_not_host: () => 'hosts such as claude.ai,mcp.example:8443, in lower case and without a path, or *',
  setting_not_scheme: () =>
    'schemes of programs such as cursor,vscode, in lower case without the colon; none that browsers, systems or standards use',
  setting_not_https: () => 'an https URL (http only for localhost, 127.0.0.1 or [::1])',
  setting_path_invalid: () => 'a URL whose path has only letters, digits and - . _ ~, and no empty parts',
  setting_not_normal: ({ normal }) =>
    `a URL in normal form, without query, fragment, user name or slash at the end: ${normal}`,
};

/** Returns what a setting accepts, for docs/configuration.md. */
export function acceptedText({ code, params }: DomainError<keyof SettingFaults>): string {
  return (accepted[code] as (given: typeof params) => string)(params);
}

function mustBe<Code extends keyof SettingFaults>(code: Code): Messages<ConfigErrors>[Code] {
  const text = (params: ConfigErrors[Code]) => {
    const { source, value } = params as { source: string; value: string | null };
    const found = value === null ? '' : ` (it is ${JSON.stringify(value)})`;
    return `${source} must be ${accepted[code](params as unknown as SettingFaults[Code])}${found}.`;
  };
  return { exit: 'usage', text } as Messages<ConfigErrors>[Code];
}

export const configMessages: Messages<ConfigErrors> = {
  setting_control_character: mustBe('setting_control_character'),
  setting_padded: mustBe('setting_padded'),
  setting_not_whole_number: mustBe('setting_not_whole_number'),
  setting_not_a_choice: mustBe('setting_not_a_choice'),
  setting_not_origin: mustBe('setting_not_origin'),
  setting_not_network: mustBe('setting_not_network'),
  setting_network_mapped: mustBe('setting_network_mapped'),
  setting_network_too_wide: mustBe('setting_network_too_wide'),
  setting_network_has_all_ipv4: mustBe('setting_network_has_all_ipv4'),
  setting_not_target: mustBe('setting_not_target'),
  setting_not_host: mustBe('setting_not_host'),
  setting_not_scheme: mustBe('setting_not_scheme'),
  setting_not_https: mustBe('setting_not_https'),
  setting_path_invalid: mustBe('setting_path_invalid'),
  setting_not_normal: mustBe('setting_not_normal'),
  setting_unknown: {
    exit: 'usage',
    text: ({ name, near }) =>
      `There is no setting ${name}. ${near === null ? 'To list the settings: npx signet config' : `Did you mean ${near}?`}`,
  },
  setting_set_twice: {
    exit: 'usage',
    text: ({ name, fileName }) => `${name} and ${fileName} are both set. Keep one of them.`,
  },
  setting_file_unreadable: {
    exit: 'usage',
    text: ({ name, reason }) => `The file of ${name} cannot be read: ${reason}. Correct the path, or unset ${name}.`,
  },
  setting_file_empty: {
    exit: 'usage',
    text: ({ name }) => `The file of ${name} is empty. Write the value into it, or unset ${name}.`,
  },
  issuer_missing: {
    exit: 'usage',
    text: () => 'SIGNET_ISSUER is not set. Set it to the public https URL of this server.',
  },
  master_key_unreadable: {
    exit: 'failed',
    text: ({ path, reason }) => `The master key ${path} cannot be read: ${reason}. Let this user read the file.`,
  },
  master_key_unwritable: {
    exit: 'failed',
    text: ({ path, reason }) =>
      `The master key ${path} cannot be written (${reason}). Set SIGNET_KEYS_DIR to a folder that this user can write.`,
  },
  master_key_invalid: {
    exit: 'usage',
    text: ({ source }) => `${source} must have 32 bytes as base64url or hex. To make a key: openssl rand -hex 32`,
  },
};
