import { type Api, getApi } from '../../permissions/index.ts';
import { Failure } from '../../platform/errors.ts';
import { type Context, type Input, optionText, optionTexts } from '../command.ts';

/** Returns a required option. */
export function requiredOption(input: Input, name: string, usage: string): string {
  const value = optionText(input, name);
  if (value === undefined || value === '') throw new Failure('usage', `--${name} is missing.\nUsage: ${usage}`);
  return value;
}

/** Reads `--name on|off`; undefined if absent. */
export function onOff(input: Input, name: string): boolean | undefined {
  const value = oneOf(input, name, ['on', 'off']);
  return value === undefined ? undefined : value === 'on';
}

/** Reads an option that takes one of these values. */
export function oneOf<const T extends string>(input: Input, name: string, values: readonly T[]): T | undefined {
  const value = optionText(input, name);
  if (value === undefined || (values as readonly string[]).includes(value)) return value as T | undefined;
  throw new Failure('usage', `--${name} takes ${values.join(' or ')}, not "${value}".`);
}

export function wholeNumber(input: Input, name: string): number | undefined {
  const value = optionText(input, name);
  if (value === undefined || /^\d{1,9}$/.test(value)) return value === undefined ? undefined : Number(value);
  throw new Failure('usage', `--${name} takes a whole number, not "${value}".`);
}

const MAX_PAGE_SIZE = 1000;

/** Reads `--limit` of a paged list. */
export function pageLimit(input: Input): number {
  const limit = wholeNumber(input, 'limit') ?? 100;
  if (limit < 1 || limit > MAX_PAGE_SIZE) throw new Failure('usage', `--limit takes 1 to ${MAX_PAGE_SIZE}.`);
  return limit;
}

/** Returns the API of an audience; `signet`, and the issuer if configured, are Signet's own. */
export function requireApi(context: Context, em: Parameters<typeof getApi>[0], audience: string): Promise<Api> {
  const { config } = context;
  const isIssuerKnown = config.issuer !== undefined || config.mode === 'development';
  return getApi(em, audience, isIssuerKnown ? context.issuer() : undefined);
}

/** Drops undefined fields. */
export function definedFields<T extends object>(all: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as never;
}

/** Returns the APIs that an option names, each once. */
export async function findApis(
  context: Context,
  tx: Parameters<typeof getApi>[0],
  input: Input,
  option: string,
): Promise<Api[]> {
  const apis: Api[] = [];
  for (const audience of optionTexts(input, option)) {
    const api = await requireApi(context, tx, audience);
    if (apis.some((other) => other.id === api.id))
      throw new Failure('usage', `--${option} names ${audience} twice. Name each API once.`);
    apis.push(api);
  }
  return apis;
}
