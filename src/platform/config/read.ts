import { resolve } from 'node:path';
import { DomainError } from '../errors.ts';
import { suggest } from '../text.ts';
import { oneLine, readSmallFile } from '../text-file.ts';
import { configError } from './errors.ts';
import { type Mode, readSetting, type Setting } from './setting.ts';
import { type SettingName, settings } from './settings.ts';

type Values = { [Name in SettingName]: (typeof settings)[Name] extends Setting<infer T> ? T : never };

/** The settings, read once at start. Nothing else in Signet reads the environment. */
export interface Config extends Readonly<Values> {
  readonly mode: Mode;
  /** The source of each value: `default`, or the name of a variable. */
  readonly sources: Readonly<Record<SettingName, string>>;
}

type Environment = Record<string, string | undefined>;

/**
 * Reads every setting from the environment. `…_FILE` names a file that has the value of a secret. Throws `ConfigErrors` for an unknown
 * `SIGNET_…` name (with a suggestion), an invalid value, and a file that cannot be read.
 */
export function readConfig(mode: Mode, environment: Environment, overrides: Partial<Values> = {}): Config {
  rejectUnknown(environment);
  const values: Record<string, unknown> = {};
  const sources: Record<string, string> = {};
  for (const [name, one] of Object.entries(settings) as [SettingName, Setting<unknown>][]) {
    const found = find(one, environment);
    values[name] = found === undefined ? one.fallback(mode) : readSetting(one, found.text, found.source);
    sources[name] = found?.source ?? 'default';
    if (overrides[name] !== undefined) [values[name], sources[name]] = [overrides[name], 'command line'];
  }
  values['dataDir'] = resolve(values['dataDir'] as string);
  values['keysDir'] = resolve(values['keysDir'] as string);
  return { ...(values as Values), mode, sources: sources as Record<SettingName, string> };
}

function find(one: Setting<unknown>, environment: Environment): { text: string; source: string } | undefined {
  const direct = environment[one.env];
  const fileVariable = `${one.env}_FILE`;
  const file = one.secret ? environment[fileVariable] : undefined;
  if (direct && file) throw configError('setting_set_twice', { name: one.env, fileName: fileVariable });
  if (direct) return { text: direct, source: one.env };
  if (!file) return undefined;
  return { text: readSecret(file, fileVariable), source: fileVariable };
}

/** Reads a file with one line, as editors and `echo` write it: the line break at its end is not part of the secret, everything else is. */
function readSecret(file: string, variable: string): string {
  try {
    const secret = oneLine(readSmallFile(file, variable), variable, 'value');
    if (secret !== '') return secret;
  } catch (error) {
    if (error instanceof DomainError) throw error;
    throw configError('setting_file_unreadable', { name: variable, reason: (error as Error).message });
  }
  throw configError('setting_file_empty', { name: variable });
}

function rejectUnknown(environment: Environment): void {
  const known = Object.values(settings).flatMap((one) => (one.secret ? [one.env, `${one.env}_FILE`] : [one.env]));
  for (const name of Object.keys(environment)) {
    if (!name.startsWith('SIGNET_') || known.includes(name)) continue;
    throw configError('setting_unknown', { name, near: suggest(name, known) ?? null });
  }
}

/** Returns the configured issuer; in development it defaults to localhost and the port. Throws `issuer_missing`. */
export function readIssuer(config: Config): string {
  if (config.issuer !== undefined) return config.issuer;
  if (config.mode === 'development') return `http://localhost:${config.port}`;
  throw configError('issuer_missing');
}
