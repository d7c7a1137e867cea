import { casefoldName, hasUnprintable, isNameSized } from '../../platform/casefold.ts';
import { Failure } from '../../platform/errors.ts';
import { reservedName } from '../../users/index.ts';
import { publicKeyFor } from '../client-jws.ts';
import type { Client } from '../entities.ts';
import { grantNames, type Preset } from './presets.ts';
import type { ClientSettings } from './settings.ts';
import { checkRedirects, checkUri, hasAdmittedScheme } from './uris.ts';

/** The values of a client that must be consistent. */
export interface ClientShape
  extends Pick<Client, 'preset' | 'authMethod' | 'grantTypes' | 'redirectUris' | 'isFirstParty' | 'isDynamic'> {
  readonly settings: ClientSettings;
}

export function checkName(name: string): void {
  if (!isNameSized(name) || casefoldName(name).trim() === '' || [...name].length > 150 || hasUnprintable(name))
    throw new Failure('usage', 'A client needs a name of 1 to 150 printable characters.');
  if (reservedName(name) !== null)
    throw new Failure(
      'usage',
      'A client name may not look like an id (a UUID), begin with c_ or https:// as client ids do, or be "signet".',
    );
}

/** Checks that the values of a client are allowed together. Failures (usage, conflict) name the remedy. */
export function checkShape(shape: ClientShape): void {
  checkGrants(shape);
  checkAuthentication(shape);
  checkSettings(shape.preset, shape.settings);
  if (shape.isDynamic && shape.isFirstParty)
    throw new Failure(
      'conflict',
      'This client registered itself, and nobody knows who it is: it cannot be first-party. Create one: npx signet client create NAME --preset PRESET --first-party',
    );
}

function checkGrants({ authMethod, grantTypes, redirectUris }: ClientShape): void {
  const supported = Object.values<string>(grantNames);
  for (const grant of grantTypes)
    if (!supported.includes(grant))
      throw new Failure('usage', `There is no grant "${grant}". There are: ${Object.keys(grantNames).join(', ')}.`);
  if (grantTypes.includes('authorization_code') && redirectUris.length === 0)
    throw new Failure('usage', 'A client with the grant authorization_code needs --redirect-uri.');
  // RFC 6749 §4.4: confidential clients only. RFC 8693 §5: token exchange requires client authentication.
  for (const grant of ['client_credentials', grantNames['token-exchange']])
    if (authMethod === 'none' && grantTypes.includes(grant))
      throw new Failure(
        'usage',
        `The grant ${grant} is for confidential clients: --auth client_secret or private_key_jwt.`,
      );
}

function checkAuthentication({ authMethod, redirectUris, settings }: ClientShape): void {
  // RFC 8252 §8.5: a program that is distributed to its users keeps no secret; it uses PKCE like every public client.
  const uri = authMethod === 'none' ? undefined : redirectUris.find(hasAdmittedScheme);
  if (uri !== undefined)
    throw new Failure(
      'usage',
      `A client with the redirect URI "${uri}" is public, because any program can take that scheme: --auth none.`,
    );
  const { jwks, jwksUri, pkce, refreshRotation, dpopBound } = settings;
  // RFC 9700 §2.1.1: public clients MUST use PKCE.
  if (authMethod === 'none' && pkce !== 'on')
    throw new Failure(
      'usage',
      `--pkce ${pkce} is for confidential clients: a public client has nothing else to show that a code is its own.`,
    );
  // RFC 9700 §2.2.2, §4.14.2: a stolen refresh token of a public client must be useless without its key, or after the
  // next use.
  if (authMethod === 'none' && !refreshRotation && !dpopBound)
    throw new Failure(
      'usage',
      'A public client keeps its refresh token only where that is bound to its key: --dpop on. Otherwise: --refresh-rotation on.',
    );
  // RFC 7591 §2: jwks and jwks_uri MUST NOT both be present.
  if (jwks && jwksUri)
    throw new Failure('usage', 'Keys stand in --jwks or at --jwks-uri, not both: take one back with "none".');
  if (authMethod === 'private_key_jwt' && !jwks && !jwksUri)
    throw new Failure('usage', "private_key_jwt needs the client's public keys: --jwks FILE or --jwks-uri URL.");
  if (authMethod === 'private_key_jwt') checkAssertionAlg(settings);
}

/** Keys at a URL are not checked: they may change. */
function checkAssertionAlg({ jwks, assertionAlg: alg }: ClientSettings): void {
  if (!jwks || alg === null) return;
  if (jwks.keys.some((one) => (one['alg'] ?? alg) === alg && publicKeyFor(one, alg))) return;
  throw new Failure(
    'usage',
    `None of the keys of --jwks is for ${alg}, which is to be the one algorithm of the assertions: give such a key, or another algorithm.`,
  );
}

/** In seconds: a year, the maximum of the server's settings too. */
const MAX_SECONDS = 31_536_000;

function checkSettings(preset: Preset, settings: ClientSettings): void {
  checkRedirects(preset, settings.postLogoutRedirectUris);
  checkUri('--jwks-uri', settings.jwksUri);
  // OIDC Back-Channel Logout §2.2: absolute, without a fragment.
  checkUri('--backchannel-logout-uri', settings.backchannelLogoutUri);
  checkUri('--client-uri', settings.clientUri);
  checkUri('--logo-uri', settings.logoUri);
  checkUri('--policy-uri', settings.policyUri);
  checkUri('--tos-uri', settings.tosUri);
  checkSeconds('--max-age', settings.defaultMaxAge, 0);
  checkSeconds('--refresh-idle', settings.refreshIdleSeconds, 60);
  checkSeconds('--refresh-ttl', settings.refreshAbsoluteSeconds, 60);
}

function checkSeconds(option: string, seconds: number | null, min: number): void {
  if (seconds === null || (Number.isInteger(seconds) && seconds >= min && seconds <= MAX_SECONDS)) return;
  throw new Failure('usage', `${option} takes ${min} to ${MAX_SECONDS} seconds, not ${seconds}.`);
}
