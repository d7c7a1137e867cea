import type { SqlEntityManager } from '@mikro-orm/sql';
import { type ApiSettings, apiSettingTable } from '../../permissions/api-settings/index.ts';
import type { Api } from '../../permissions/index.ts';
import { ensureCurrentKey, hasCurrentKey } from '../../tokens/index.ts';
import { type Context, type Input, type Output, optionText } from '../command.ts';
import { AUDIENCE_ONLY } from '../doctor/tokens.ts';
import { definedFields, oneOf, onOff, wholeNumber } from './options.ts';

export const settingOptions = {
  name: { type: 'string' },
  typ: { type: 'string' },
  alg: { type: 'string' },
  format: { type: 'string' },
  token: { type: 'string' },
  ttl: { type: 'string' },
  budget: { type: 'string' },
  'over-budget': { type: 'string' },
  username: { type: 'string' },
  'source-id': { type: 'string' },
  superseded: { type: 'string' },
  catalogue: { type: 'string' },
} as const;
export const settingUsage =
  '[--name N] [--typ at+jwt|JWT] [--alg RS256|ES256|EdDSA] [--format list|bitmap|scope|none] [--token jwt|opaque] [--ttl SECONDS] [--budget BYTES] [--over-budget bitmap|fail] [--superseded on|off] [--username on|off] [--source-id on|off] [--catalogue public|authenticated]';

export function readApiSettings(input: Input): ApiSettings {
  const catalogue = oneOf(input, 'catalogue', apiSettingTable.isCataloguePublic.names);
  return definedFields({
    name: optionText(input, 'name'),
    typ: oneOf(input, 'typ', apiSettingTable.typ.choices),
    alg: oneOf(input, 'alg', apiSettingTable.alg.choices),
    format: oneOf(input, 'format', apiSettingTable.format.choices),
    tokenKind: oneOf(input, 'token', apiSettingTable.tokenKind.choices),
    ttlSeconds: wholeNumber(input, 'ttl'),
    budgetBytes: wholeNumber(input, 'budget'),
    overBudget: oneOf(input, 'over-budget', apiSettingTable.overBudget.choices),
    withUsername: onOff(input, 'username'),
    withSourceId: onOff(input, 'source-id'),
    withSuperseded: onOff(input, 'superseded'),
    isCataloguePublic: catalogue === undefined ? undefined : catalogue === 'public',
  });
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
