import { DomainError } from '../errors.ts';
import { type SettingFaults, settingFault } from './errors.ts';

/** Reads the text of a setting. Throws a `settingFault` for a value that the setting does not accept. */
export type Read<T> = (text: string) => T;

export type Mode = 'development' | 'production';

/** One setting: its variable, meaning and default. The reference page is generated from this table. */
export interface Setting<T> {
  readonly env: string;
  readonly meaning: string;
  /** Text for the reference page. */
  readonly standard: string;
  readonly secret?: true;
  read(text: string): T;
  fallback(mode: Mode): T;
}

/** Defines one setting. `standard` is the default that the reference page shows if the fallback is not text. */
export function setting<T>(
  env: string,
  meaning: string,
  read: Read<T>,
  fallback: T | ((mode: Mode) => T),
  extra: { standard?: string; secret?: true } = {},
): Setting<T> {
  const given = fallback as T | ((mode: Mode) => T);
  const resolve = (mode: Mode) => (typeof given === 'function' ? (given as (mode: Mode) => T)(mode) : given);
  const standard = extra.standard ?? String(resolve('production') ?? '');
  return { env, meaning, read, fallback: resolve, standard, ...(extra.secret ? { secret: true } : {}) };
}

/** Returns the error for the value `?`, which names what the setting accepts; null if the setting accepts any text. */
export function formatFault(one: Setting<unknown>): DomainError<keyof SettingFaults> | null {
  try {
    one.read('?');
    return null;
  } catch (error) {
    if (!isSettingFault(error)) throw error;
    return error;
  }
}

/** Only `settingFault` makes the errors of readers. */
function isSettingFault(error: unknown): error is DomainError<keyof SettingFaults> {
  return error instanceof DomainError;
}

/** Applies a setting's reader. The error of an invalid value names its source, and the value if it is not a secret. */
export function readSetting<T>(one: Setting<T>, value: string, source: string): T {
  try {
    const control = /\p{Cc}/u.exec(value);
    if (control) throw settingFault('setting_control_character', { character: codePoint(control[0]) });
    return one.read(value);
  } catch (error) {
    if (!isSettingFault(error)) throw error;
    throw new DomainError(error.code, { ...error.params, source, value: one.secret ? null : value });
  }
}

function codePoint(character: string): string {
  return `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}
