import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Api, type ApiSettings, settingValues } from '../../permissions/index.ts';
import { ensureCurrentKey, hasCurrentKey } from '../../tokens/index.ts';
import { type Context, type Input, type Output, optionText } from '../command.ts';
import { AUDIENCE_ONLY } from '../doctor/tokens.ts';
import { definedFields, oneOf, onOff, wholeNumber } from './options.ts';

export function readApiSettings(input: Input): ApiSettings {
  const catalogue = oneOf(input, 'catalogue', settingValues.catalogue);
  return definedFields({
    name: optionText(input, 'name'),
    typ: oneOf(input, 'typ', settingValues.typ),
    alg: oneOf(input, 'alg', settingValues.alg),
    format: oneOf(input, 'format', settingValues.format),
    tokenKind: oneOf(input, 'token', settingValues.token),
    ttlSeconds: wholeNumber(input, 'ttl'),
    budgetBytes: wholeNumber(input, 'budget'),
    overBudget: oneOf(input, 'over-budget', settingValues.overBudget),
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
