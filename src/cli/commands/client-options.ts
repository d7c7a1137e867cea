import {
  CLIENT_JWS_ALGS,
  type Client,
  type ClientChange,
  type ClientSettings,
  grantNames,
  PKCE_RULES,
  type RedirectRules,
  readJwks,
} from '../../oauth/index.ts';
import { isLoopbackHost } from '../../platform/config/index.ts';
import { Failure } from '../../platform/errors.ts';
import { type Context, type Input, optionText, optionTexts } from '../command.ts';
import { definedFields, oneOf, onOff, wholeNumber } from './options.ts';

/** Reads the options of a client, except its APIs. */
export function readClientChange(context: Context, input: Input): ClientChange {
  const grants = optionTexts(input, 'grant').map(readGrantName);
  return definedFields({
    redirectUris: isPresent(input, 'redirect-uri') ? optionTexts(input, 'redirect-uri') : undefined,
    grantTypes: isPresent(input, 'grant') ? grants : undefined,
    authMethod: oneOf<Client['authMethod']>(input, 'auth', ['client_secret', 'private_key_jwt', 'none']),
    settings: readSettings(input),
    redirectRules: redirectRules(context),
  });
}

function readSettings(input: Input): Partial<ClientSettings> | undefined {
  const algs = ['RS256', 'ES256', 'EdDSA'] as const;
  const consent = oneOf(input, 'consent', ['ask', 'skip']);
  const settings = definedFields({
    pkce: oneOf(input, 'pkce', PKCE_RULES),
    requirePushed: onOff(input, 'require-par'),
    dpopBound: onOff(input, 'dpop'),
    askConsent: consent === undefined ? undefined : consent === 'ask',
    idTokenAlg: oneOf(input, 'id-token-alg', algs),
    permissionsIn: oneOf(input, 'permissions-in', ['userinfo', 'id_token']),
    userinfoAlg: valueOrNone(input, 'userinfo-alg', () => oneOf(input, 'userinfo-alg', algs)),
    jwks: valueOrNone(input, 'jwks', () => readKeys(input)),
    jwksUri: valueOrNone(input, 'jwks-uri'),
    assertionAudience: oneOf(input, 'assertion-audience', ['issuer', 'issuer_or_token_endpoint']),
    assertionAlg: valueOrNone(input, 'assertion-alg', () => oneOf(input, 'assertion-alg', CLIENT_JWS_ALGS)),
    postLogoutRedirectUris: listOrNone(input, 'post-logout-redirect-uri'),
    backchannelLogoutUri: valueOrNone(input, 'backchannel-logout-uri'),
    defaultMaxAge: valueOrNone(input, 'max-age', wholeNumber),
    refreshIdleSeconds: valueOrNone(input, 'refresh-idle', wholeNumber),
    refreshAbsoluteSeconds: valueOrNone(input, 'refresh-ttl', wholeNumber),
    refreshRotation: onOff(input, 'refresh-rotation'),
    clientUri: valueOrNone(input, 'client-uri'),
    logoUri: valueOrNone(input, 'logo-uri'),
    policyUri: valueOrNone(input, 'policy-uri'),
    tosUri: valueOrNone(input, 'tos-uri'),
  });
  return Object.keys(settings).length === 0 ? undefined : settings;
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
    if (error instanceof Failure) throw new Failure('usage', `${file.name}: ${error.message}`);
    throw new Failure('usage', `${file.name} is no JSON: --jwks takes a JWK Set, {"keys": [...]}.`);
  }
}

/** Returns null for `none`; undefined if the option is absent. */
function valueOrNone<T = string>(
  input: Input,
  name: string,
  read: (input: Input, name: string) => T | undefined = optionText as never,
): T | null | undefined {
  return optionText(input, name) === 'none' ? null : isPresent(input, name) ? read(input, name) : undefined;
}

function listOrNone(input: Input, name: string): string[] | undefined {
  if (!isPresent(input, name)) return undefined;
  const values = optionTexts(input, name);
  return values.length === 1 && values[0] === 'none' ? [] : values;
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
