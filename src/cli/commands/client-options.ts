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
import { type Context, type DatabaseCommand, type Input, optionText, optionTexts } from '../command.ts';
import { readText } from '../terminal.ts';
import { definedFields, oneOf, onOff, wholeNumber } from './options.ts';

const one = { type: 'string' } as const;
const several = { type: 'string', multiple: true } as const;

/** What `client create` and `client update` both take. `none` takes a value of its own back. */
export const switchOptions = {
  'redirect-uri': several,
  api: several,
  serves: several,
  grant: several,
  auth: one,
  jwks: one,
  'jwks-uri': one,
  'assertion-audience': one,
  'assertion-alg': one,
  pkce: one,
  'require-par': one,
  dpop: one,
  consent: one,
  'id-token-alg': one,
  'permissions-in': one,
  'userinfo-alg': one,
  'max-age': one,
  'refresh-idle': one,
  'refresh-ttl': one,
  'refresh-rotation': one,
  'post-logout-redirect-uri': several,
  'backchannel-logout-uri': one,
  'client-uri': one,
  'logo-uri': one,
  'policy-uri': one,
  'tos-uri': one,
} as const;

export const switchUsage = [
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

/** The file of `--jwks` is at the caller's side, the database perhaps in a server: its content goes there. */
export const jwksFileInput: Pick<DatabaseCommand, 'readsStdin' | 'readLocal'> = {
  readsStdin: (input) => optionText(input, 'jwks') === '-',
  async readLocal(input) {
    const path = optionText(input, 'jwks');
    if (path === undefined || path === 'none' || input.file) return input;
    const text = path === '-' ? (input.stdin ?? '') : await readText(path);
    return { ...input, file: { name: path === '-' ? 'standard input' : path, text } };
  },
};

/** What was said of a client, but for its APIs. */
export function readClientChange(context: Context, input: Input): ClientChange {
  const grants = optionTexts(input, 'grant').map(readGrantName);
  return definedFields({
    redirectUris: has(input, 'redirect-uri') ? optionTexts(input, 'redirect-uri') : undefined,
    grantTypes: has(input, 'grant') ? grants : undefined,
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
    userinfoAlg: orNone(input, 'userinfo-alg', () => oneOf(input, 'userinfo-alg', algs)),
    jwks: orNone(input, 'jwks', () => readKeys(input)),
    jwksUri: orNone(input, 'jwks-uri'),
    assertionAudience: oneOf(input, 'assertion-audience', ['issuer', 'issuer_or_token_endpoint']),
    assertionAlg: orNone(input, 'assertion-alg', () => oneOf(input, 'assertion-alg', CLIENT_JWS_ALGS)),
    postLogoutRedirectUris: listOrNone(input, 'post-logout-redirect-uri'),
    backchannelLogoutUri: orNone(input, 'backchannel-logout-uri'),
    defaultMaxAge: orNone(input, 'max-age', wholeNumber),
    refreshIdleSeconds: orNone(input, 'refresh-idle', wholeNumber),
    refreshAbsoluteSeconds: orNone(input, 'refresh-ttl', wholeNumber),
    refreshRotation: onOff(input, 'refresh-rotation'),
    clientUri: orNone(input, 'client-uri'),
    logoUri: orNone(input, 'logo-uri'),
    policyUri: orNone(input, 'policy-uri'),
    tosUri: orNone(input, 'tos-uri'),
  });
  return Object.keys(settings).length === 0 ? undefined : settings;
}

/** The short name of a grant, or its own. */
function readGrantName(typed: string): string {
  const names: Record<string, string> = grantNames;
  if (Object.hasOwn(names, typed)) return names[typed] as string;
  if (Object.values(names).includes(typed)) return typed;
  throw new Failure('usage', `--grant takes ${Object.keys(names).join(', ')}, not "${typed}".`);
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

/** Null for `none`; undefined when it was not given. */
function orNone<T = string>(
  input: Input,
  name: string,
  read: (input: Input, name: string) => T | undefined = optionText as never,
): T | null | undefined {
  return optionText(input, name) === 'none' ? null : has(input, name) ? read(input, name) : undefined;
}

function listOrNone(input: Input, name: string): string[] | undefined {
  if (!has(input, name)) return undefined;
  const values = optionTexts(input, name);
  return values.length === 1 && values[0] === 'none' ? [] : values;
}

function has(input: Input, name: string): boolean {
  return input.options[name] !== undefined;
}

/** What the settings say of redirect URIs. */
export function redirectRules(context: Context): RedirectRules {
  return { httpsOnly: isMetOverHttps(context), schemes: context.config.redirectSchemes };
}

/** False where nobody has said yet where this server is met. */
function isMetOverHttps(context: Context): boolean {
  const { issuer, mode } = context.config;
  const isKnown = issuer !== undefined || mode === 'development';
  return isKnown && !isLoopbackHost(new URL(context.issuer()).hostname);
}
