/**
 * config: the operator's settings and the master key.
 * Owns: the table of settings, reading them from the environment, keys/master.key.
 * Does not own: what a setting means to a room; each room takes the values it needs as arguments.
 */
export type { ConfigErrors, SettingFaults } from './errors.ts';
export { makeMasterKey, parseMasterKey, readMasterKey } from './master-key.ts';
export { type Config, readConfig, readIssuer } from './read.ts';
export { isLoopbackHost } from './readers.ts';
export { isReservedScheme } from './schemes.ts';
export { formatFault, type Mode, type Setting } from './setting.ts';
export { type SettingName, settings } from './settings.ts';
