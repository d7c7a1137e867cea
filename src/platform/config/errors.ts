import { domainErrors, type NoParams } from '../errors.ts';

/** What a value of a setting is not, with what a message about it names. `normal`: the value as the setting accepts it. */
export interface SettingFaults {
  readonly setting_control_character: { readonly character: string };
  readonly setting_padded: NoParams;
  readonly setting_not_whole_number: { readonly from: number; readonly to: number };
  readonly setting_not_a_choice: { readonly choices: readonly string[] };
  /** `normal`: null if the value has no origin. */
  readonly setting_not_origin: { readonly normal: string | null };
  readonly setting_not_network: NoParams;
  readonly setting_network_mapped: { readonly normal: string };
  /** The shortest prefixes that are accepted. */
  readonly setting_network_too_wide: { readonly ipv4: number; readonly ipv6: number };
  readonly setting_network_has_all_ipv4: NoParams;
  readonly setting_not_target: NoParams;
  readonly setting_not_host: NoParams;
  readonly setting_not_scheme: NoParams;
  readonly setting_not_https: NoParams;
  readonly setting_path_invalid: NoParams;
  readonly setting_not_normal: { readonly normal: string };
}

/** `source`: the variable; `value`: null for a secret. */
type InvalidSetting<Fault> = Fault & { readonly source: string; readonly value: string | null };

interface OtherErrors {
  readonly setting_unknown: { readonly name: string; readonly near: string | null };
  /** A secret and its file. */
  readonly setting_set_twice: { readonly name: string; readonly fileName: string };
  readonly setting_file_unreadable: { readonly name: string; readonly reason: string };
  readonly setting_file_empty: { readonly name: string };
  readonly issuer_missing: NoParams;
  readonly master_key_unreadable: { readonly path: string; readonly reason: string };
  readonly master_key_unwritable: { readonly path: string; readonly reason: string };
  /** `source`: a variable or a path. */
  readonly master_key_invalid: { readonly source: string };
}

/** The refusals of this room, with what a message about each names. */
export type ConfigErrors = OtherErrors & {
  readonly [Code in keyof SettingFaults]: InvalidSetting<SettingFaults[Code]>;
};

/** Makes the error of a reader, which does not know the name of its setting. */
export const settingFault = domainErrors<SettingFaults>();

export const configError = domainErrors<OtherErrors>();
