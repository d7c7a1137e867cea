import {
  AUTH_METHODS,
  type ClientSettings,
  clientSettingTable,
  grantNames,
  type SettingName,
} from '../../oauth/client-settings/index.ts';
import { type ClientChange, type RedirectRules, readJwks } from '../../oauth/index.ts';
import { isLoopbackHost } from '../../platform/config/index.ts';
import { DomainError, Failure } from '../../platform/errors.ts';
import { type Context, type Input, optionText, optionTexts } from '../command.ts';
import { booleanNames, clientSettingNames, clientSettingTexts } from '../declarations/client-settings.ts';
import { explain } from '../messages.ts';
import { definedFields, oneOf, oneOfTwo, wholeNumber } from './options.ts';

/** Reads the options of a client, except its APIs. */
export function readClientChange(context: Context, input: Input): ClientChange {
  const grants = optionTexts(input, 'grant').map(readGrantName);
  return definedFields({
    redirectUris: isPresent(input, 'redirect-uri') ? optionTexts(input, 'redirect-uri') : undefined,
    grantTypes: isPresent(input, 'grant') ? grants : undefined,
    authMethod: oneOf(input, 'auth', AUTH_METHODS),
    settings: readSettings(input),
    redirectRules: redirectRules(context),
  });
}

function readSettings(input: Input): Partial<ClientSettings> | undefined {
  const given = clientSettingNames.flatMap((name) => {
    const [flag] = clientSettingTexts[name].flag ?? [];
    return flag === undefined || !isPresent(input, flag) ? [] : [[name, readSetting(input, name, flag)]];
  });
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

/** Reads an option that is present; `none` is null, or an empty list. */
function readSetting(input: Input, name: SettingName, flag: string): unknown {
  const one = clientSettingTable[name];
  if (one.kind === 'redirects') {
    const values = optionTexts(input, flag);
    return values.length === 1 && values[0] === 'none' ? [] : values;
  }
  if (one.default === null && optionText(input, flag) === 'none') return null;
  switch (one.kind) {
    case 'boolean':
      return oneOfTwo(input, flag, booleanNames(name));
    case 'choice':
      return oneOf<string>(input, flag, one.choices);
    case 'seconds':
      return wholeNumber(input, flag);
    case 'keys':
      return readKeys(input);
    default:
      return optionText(input, flag);
  }
}

/** Reads the short name of a grant type, or its full name. */
function readGrantName(name: string): string {
  const names: Record<string, string> = grantNames;
  if (Object.hasOwn(names, name)) return names[name] as string;
  if (Object.values(names).includes(name)) return name;
  throw new Failure('usage', `--grant takes ${Object.keys(names).join(', ')}, not "${name}".`);
}

function readKeys({ file }: Input): ClientSettings['jwks'] {
  if (!file) throw new Failure('usage', 'The file of --jwks is missing.');
  try {
    return readJwks(JSON.parse(file.text));
  } catch (error) {
    if (error instanceof DomainError) throw new Failure('usage', `${file.name}: ${explain(error)}`);
    throw new Failure('usage', `${file.name} is not JSON. --jwks takes a JWK Set, {"keys": [...]}.`);
  }
}

function isPresent(input: Input, name: string): boolean {
  return input.options[name] !== undefined;
}

/** Returns the rules for redirect URIs from the settings. */
export function redirectRules(context: Context): RedirectRules {
  return { httpsOnly: isPublicHttps(context), schemes: context.config.redirectSchemes };
}

/** Returns whether the issuer is a public https URL; false if it is not configured yet. */
function isPublicHttps(context: Context): boolean {
  const { issuer, mode } = context.config;
  const isConfigured = issuer !== undefined || mode === 'development';
  return isConfigured && !isLoopbackHost(new URL(context.issuer()).hostname);
}
