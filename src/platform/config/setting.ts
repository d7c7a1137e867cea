import { Failure } from '../errors.ts';

/** Reads the text of a setting. Throws `InvalidSetting` for a value that the setting does not take. */
export type Read<T> = (text: string) => T;

/** Thrown by a reader; becomes one line that names the setting, its value and what it takes. */
export class InvalidSetting extends Error {}

export type Mode = 'development' | 'production';

/** One setting: where it is read from, what it means, what it is when absent. The reference page is generated from this table. */
export interface Setting<T> {
  readonly env: string;
  readonly meaning: string;
  /** Text for the reference page. */
  readonly standard: string;
  readonly secret?: true;
  read(text: string): T;
  fallback(mode: Mode): T;
}

/** A line of the table. `standard` is what the reference page says where the fallback is no text of its own. */
export function setting<T>(
  env: string,
  meaning: string,
  read: Read<T>,
  fallback: T | ((mode: Mode) => T),
  extra: { standard?: string; secret?: true } = {},
): Setting<T> {
  const standing = fallback as T | ((mode: Mode) => T);
  const resolve = (mode: Mode) => (typeof standing === 'function' ? (standing as (mode: Mode) => T)(mode) : standing);
  const standard = extra.standard ?? String(resolve('production') ?? '');
  return { env, meaning, read, fallback: resolve, standard, ...(extra.secret ? { secret: true } : {}) };
}

/** What a setting takes, in the words of its reader; null for any text. */
export function acceptedValues(one: Setting<unknown>): string | null {
  try {
    one.read('?');
    return null;
  } catch (error) {
    if (!(error instanceof InvalidSetting)) throw error;
    return error.message.replace(/^takes /, '');
  }
}

/** Applies a setting's reader; a value that it does not take becomes one line that names the setting and the remedy. */
export function readSetting<T>(one: Setting<T>, value: string, source: string): T {
  try {
    const control = /\p{Cc}/u.exec(value);
    if (control)
      throw new InvalidSetting(`holds a control character (${codePoint(control[0])}), which no setting takes`);
    return one.read(value);
  } catch (error) {
    if (!(error instanceof InvalidSetting)) throw error;
    const shown = one.secret ? '' : ` (it is ${JSON.stringify(value)})`;
    throw new Failure('usage', `${source} ${error.message}${shown}.`);
  }
}

function codePoint(character: string): string {
  return `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}
