import { type Config, readConfig, type SettingName, settings } from '../../platform/config/index.ts';
import type { RunLocally } from '../command.ts';
import { rows } from './text.ts';

/** Every setting with the value that commands use. */
export const config: RunLocally = async ({ environment, print }, input) => {
  const mode = environment['DATABASE_URL'] || environment['DATABASE_URL_FILE'] ? 'production' : 'development';
  const values = readConfig(mode, withoutUnknown(environment));
  const settingRows = listSettings(values);
  const text = `${rows(
    ['SETTING', 'VALUE', 'FROM'],
    settingRows.map((one) => [one.name, displayValue(one.value), one.source]),
  )}\n\nMode: ${mode}. \`signet dev\` is development, \`signet start\` production; for other commands, production is when DATABASE_URL is set.`;
  // A misspelt name is an error here too, but its message points to this list, so the list is printed first.
  if (
    input.options['json'] !== true &&
    Object.keys(withoutUnknown(environment)).length < Object.keys(environment).length
  )
    print(`${text}\n`);
  readConfig(mode, environment);
  return { data: { mode, settings: settingRows }, text };
};

interface SettingRow {
  readonly name: string;
  readonly value: unknown;
  readonly source: string;
  readonly meaning: string;
}

function listSettings(values: Config): SettingRow[] {
  return (Object.keys(settings) as SettingName[]).map((key) => {
    const { env, meaning, secret } = settings[key];
    const value = values[key] ?? null;
    const masked = secret && value !== null ? '********' : value;
    return { name: env, value: masked, source: values.sources[key], meaning };
  });
}

function displayValue(value: unknown): string {
  if (value === null || value === '') return '(not set)';
  if (Array.isArray(value)) return value.length === 0 ? '(none)' : value.join(', ');
  return String(value);
}

function withoutUnknown(environment: Record<string, string | undefined>): Record<string, string | undefined> {
  const names = new Set(
    Object.values(settings).flatMap((one) => (one.secret ? [one.env, `${one.env}_FILE`] : [one.env])),
  );
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith('SIGNET_') || names.has(name)),
  );
}
