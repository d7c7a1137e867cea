import { type Config, readConfig, type SettingName, settings } from '../../platform/config/index.ts';
import type { LocalCommand } from '../command.ts';
import { rows } from './text.ts';

/** Every setting as the commands would see it. */
export const config: LocalCommand = {
  kind: 'local',
  name: 'config',
  summary: 'Every setting, its value and where it came from; secrets masked',
  usage: '',
  args: { min: 0, max: 0 },
  async run({ environment, print }, input) {
    const mode = environment['DATABASE_URL'] || environment['DATABASE_URL_FILE'] ? 'production' : 'development';
    const known = readConfig(mode, withoutUnknown(environment));
    const listed = listSettings(known);
    const text = `${rows(
      ['SETTING', 'VALUE', 'FROM'],
      listed.map((one) => [one.name, shownValue(one.value), one.source]),
    )}\n\nMode ${mode}: \`signet dev\` is development, \`signet start\` production; other commands take DATABASE_URL for a sign of production.`;
    // A misspelt name is an error here as everywhere, but the list that its message points to is shown all the same.
    if (
      input.options['json'] !== true &&
      Object.keys(withoutUnknown(environment)).length < Object.keys(environment).length
    )
      print(`${text}\n`);
    readConfig(mode, environment);
    return { data: { mode, settings: listed }, text };
  },
};

interface Listed {
  readonly name: string;
  readonly value: unknown;
  readonly source: string;
  readonly meaning: string;
}

function listSettings(values: Config): Listed[] {
  return (Object.keys(settings) as SettingName[]).map((key) => {
    const { env, meaning, secret } = settings[key];
    const value = values[key] ?? null;
    const masked = secret && value !== null ? '********' : value;
    return { name: env, value: masked, source: values.sources[key], meaning };
  });
}

function shownValue(value: unknown): string {
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
