/**
 * client-settings: what can be set for a client, as data.
 * Owns: the settings of a client with their defaults, bounds and names in metadata; the presets; the grant types.
 * Does not own: the rules between settings (oauth/clients), nor flags and texts about them (cli). It loads nothing else, because the
 *   command line reads it before it knows the command.
 * Standards: RFC 7591 §2, RFC 9126 §6, RFC 9449 §5.2, OpenID Connect Registration §2.
 */
export { PKCE_SETTINGS, pkceSettings } from './pkce-libraries.ts';
export { AUTH_METHODS, type AuthMethod, grantNames, PRESETS, type Preset, presets } from './presets.ts';
export {
  CLIENT_JWS_ALGS,
  type ClientJwsAlg,
  type ClientSettings,
  clientMetadata,
  clientSettings,
  clientSettingTable,
  type MetadataMember,
  memberOf,
  type PkceRule,
  type SettingName,
  type SettingOf,
  settingsOf,
  storedSettings,
} from './settings.ts';
