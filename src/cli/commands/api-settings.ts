import type { SqlEntityManager } from '@mikro-orm/sql';
import {
  type ApiSettingName,
  type ApiSettings,
  apiSettingNames,
  apiSettingTable,
} from '../../permissions/api-settings/index.ts';
import type { Api } from '../../permissions/index.ts';
import { ensureCurrentKey, hasCurrentKey } from '../../tokens/index.ts';
import { type Context, type Input, type Output, optionText } from '../command.ts';
import { apiSettingFlags } from '../declarations/api-settings.ts';
import { AUDIENCE_ONLY } from '../doctor/tokens.ts';
import { definedFields, oneOf, oneOfTwo, wholeNumber } from './options.ts';

/** Reads the options of the settings; those that are absent are left out. */
export function readApiSettings(input: Input): ApiSettings {
  return definedFields(Object.fromEntries(apiSettingNames.map((name) => [name, readSetting(input, name)])));
}

function readSetting(input: Input, name: ApiSettingName): string | number | boolean | undefined {
  const one = apiSettingTable[name];
  const [flag] = apiSettingFlags[name];
  switch (one.kind) {
    case 'text':
      return optionText(input, flag);
    case 'choice':
      return oneOf<string>(input, flag, one.choices);
    case 'switch':
      return oneOfTwo(input, flag, one.names);
    case 'range':
      return wholeNumber(input, flag);
  }
}

/**
 * Creates an algorithm's first key in the transaction of the first API that uses it; only then the master key is needed. The default
 * algorithm has its key from the first start on.
 */
export async function ensureSigningKey(
  context: Context,
  tx: SqlEntityManager,
  { alg }: Pick<Api, 'alg'>,
): Promise<void> {
  if (alg === 'RS256' || (await hasCurrentKey(tx, alg))) return;
  await ensureCurrentKey(tx, context.audit(), context.masterKey(), alg);
}

/** Adds a warning to the output of a command that sets an API's `typ` to JWT. */
export function withTypWarning({ typ }: ApiSettings, output: Output): Output {
  if (typ !== 'JWT') return output;
  const data = { ...(output.data as object), warnings: [AUDIENCE_ONLY] };
  return { ...output, data, text: `${output.text}\nWarning: ${AUDIENCE_ONLY}` };
}
