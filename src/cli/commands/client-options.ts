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
import { DomainError, Failure } from '../../platform/errors.ts';
import { type Context, type DatabaseCommand, type Input, optionText, optionTexts } from '../command.ts';
import { explain } from '../messages.ts';
import { readText } from '../terminal.ts';
import { definedFields, oneOf, onOff, wholeNumber } from './options.ts';

const single = { type: 'string' } as const;
const repeated = { type: 'string', multiple: true } as const;

/** Options of `client create` and `client update`. `none` removes a value. */
export const clientOptions = {
  'redirect-uri': repeated,
  api: repeated,
  serves: repeated,
  grant: repeated,
  auth: single,
  jwks: single,
  'jwks-uri': single,
  'assertion-audience': single,
  'assertion-alg': single,
  pkce: single,
  'require-par': single,
  dpop: single,
  consent: single,
  'id-token-alg': single,
  'permissions-in': single,
  'userinfo-alg': single,
  'max-age': single,
  'refresh-idle': single,
  'refresh-ttl': single,
  'refresh-rotation': single,
  'post-logout-redirect-uri': repeated,
  'backchannel-logout-uri': single,
  'client-uri': single,
  'logo-uri': single,
  'policy-uri': single,
  'tos-uri': single,
} as const;

export const clientUsage = [
  '[--redirect-uri URI]… [--api AUDIENCE]… [--serves AUDIENCE]…',
  `[--grant ${Object.keys(grantNames).join('|')}]…`,
  '[--auth client_secret|private_key_jwt|none] [--jwks FILE|none] [--jwks-uri URL|none]',
  `[--assertion-audience issuer|issuer_or_token_endpoint] [--assertion-alg ${CLIENT_JWS_ALGS.join('|')}|none]`,
  '[--pkce on|if-sent|off] [--require-par on|off] [--dpop on|off] [--consent ask|skip]',
  '[--id-token-alg RS256|ES256|EdDSA] [--userinfo-alg RS256|ES256|EdDSA|none] [--permissions-in userinfo|id_token]',
  '[--max-age SECONDS|none] [--refresh-idle SECONDS|none] [--refresh-ttl SECONDS|none] [--refresh-rotation on|off]',
  '[--post-logout-redirect-uri URI|none]… [--backchannel-logout-uri URL|none]',
  '[--client-uri URL|none] [--logo-uri URL|none] [--policy-uri URL|none] [--tos-uri URL|none]',
].join(' ');

/** The file of `--jwks` is on the caller's side, the database perhaps in a server, which gets the content. */
export const jwksFileInput: Pick<DatabaseCommand, 'readsStdin' | 'readLocal'> = {
  readsStdin: (input) => optionText(input, 'jwks') === '-',
  async readLocal(input) {
    const path = optionText(input, 'jwks');
    if (path === undefined || path === 'none' || input.file) return input;
    const text = path === '-' ? (input.stdin ?? '') : await readText(path);
    return { ...input, file: { name: path === '-' ? 'standard input' : path, text } };
  },
};

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
    if (error instanceof DomainError) throw new Failure('usage', `${file.name}: ${explain(error)}`);
    throw new Failure('usage', `${file.name} is not JSON. --jwks takes a JWK Set, {"keys": [...]}.`);
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
