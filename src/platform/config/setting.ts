import { Failure } from '../errors.ts';

/** Reads the text of a setting. Throws `InvalidSetting` for a value that the setting does not take. */
export type Read<T> = (text: string) => T;

/** Thrown by a reader; becomes one line that names the setting, its value and what it takes. */
export class InvalidSetting extends Error {}

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

/** Returns what a setting accepts, in its reader's words; null if it accepts any text. */
export function acceptedValues(one: Setting<unknown>): string | null {
  try {
    one.read('?');
    return null;
  } catch (error) {
    if (!(error instanceof InvalidSetting)) throw error;
    return error.message.replace(/^takes /, '');
  }
}

/** Applies a setting's reader; an invalid value becomes one line that names the setting and the remedy. */
export function readSetting<T>(one: Setting<T>, value: string, source: string): T {
  try {
    const control = /\p{Cc}/u.exec(value);
    if (control)
      throw new InvalidSetting(`holds a control character (${codePoint(control[0])}), which no setting takes`);
    return one.read(value);
  } catch (error) {
    if (!(error instanceof InvalidSetting)) throw error;
    const valueNote = one.secret ? '' : ` (it is ${JSON.stringify(value)})`;
    throw new Failure('usage', `${source} ${error.message}${valueNote}.`);
  }
}

function codePoint(character: string): string {
  return `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}
