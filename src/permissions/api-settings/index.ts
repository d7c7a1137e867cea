/**
 * api-settings: what can be set for an API, as data.
 * Owns: the settings of an API with their defaults, bounds and names outside.
 * Does not own: the API itself (permissions), nor flags and texts about settings (cli). It loads nothing else, because the command line
 *   reads it before it knows the command.
 */
export {
  type ApiSettingName,
  type ApiSettings,
  apiSettingNames,
  apiSettingTable,
  isWithin,
  type RangeSetting,
  rangeSettings,
  toName,
} from './settings.ts';
