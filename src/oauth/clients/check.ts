import { casefoldName, hasUnprintable, isNameSized } from '../../platform/casefold.ts';
import { reservedName } from '../../users/index.ts';
import { publicKeyFor } from '../client-jws.ts';
import type { Client } from '../entities.ts';
import { clientError, type SecondsSetting } from './errors.ts';
import { grantNames, type Preset } from './presets.ts';
import type { ClientSettings } from './settings.ts';
import { checkRedirects, checkUri, hasAdmittedScheme } from './uris.ts';

/** The values of a client that must be consistent. */
export interface ClientShape
  extends Pick<Client, 'preset' | 'authMethod' | 'grantTypes' | 'redirectUris' | 'isFirstParty' | 'isDynamic'> {
  readonly settings: ClientSettings;
}

const MAX_NAME_LENGTH = 150;

/** Throws `client_name_invalid` or `client_name_reserved`. */
export function checkName(name: string): void {
  const isTooLong = !isNameSized(name) || [...name].length > MAX_NAME_LENGTH;
  if (isTooLong || casefoldName(name).trim() === '' || hasUnprintable(name))
    throw clientError('client_name_invalid', { max: MAX_NAME_LENGTH });
  if (reservedName(name) !== null) throw clientError('client_name_reserved');
}

/** Checks that the values of a client are allowed together. Throws DomainError. */
export function checkShape(shape: ClientShape): void {
  checkGrants(shape);
  checkAuthentication(shape);
  checkSettings(shape.preset, shape.settings);
  if (shape.isDynamic && shape.isFirstParty) throw clientError('client_dynamic_first_party');
}

function checkGrants({ authMethod, grantTypes, redirectUris }: ClientShape): void {
  const supported = Object.values<string>(grantNames);
  for (const grantType of grantTypes)
    if (!supported.includes(grantType)) throw clientError('grant_type_unknown', { grantType, choices: supported });
  if (grantTypes.includes('authorization_code') && redirectUris.length === 0)
    throw clientError('client_redirect_uri_missing');
  // RFC 6749 §4.4: confidential clients only. RFC 8693 §5: token exchange requires client authentication.
  for (const grantType of ['client_credentials', grantNames['token-exchange']])
    if (authMethod === 'none' && grantTypes.includes(grantType))
      throw clientError('client_must_be_confidential', { grantType });
}

function checkAuthentication({ authMethod, redirectUris, settings }: ClientShape): void {
  // RFC 8252 §8.5: a program that is distributed to its users keeps no secret; it uses PKCE like every public client.
  const uri = authMethod === 'none' ? undefined : redirectUris.find(hasAdmittedScheme);
  if (uri !== undefined) throw clientError('client_must_be_public', { uri });
  const { jwks, jwksUri, pkce, refreshRotation, dpopBound } = settings;
  // RFC 9700 §2.1.1: public clients MUST use PKCE.
  if (authMethod === 'none' && pkce !== 'on') throw clientError('client_pkce_required', { pkce });
  // RFC 9700 §2.2.2, §4.14.2: a stolen refresh token of a public client must be useless without its key, or after the
  // next use.
  if (authMethod === 'none' && !refreshRotation && !dpopBound) throw clientError('client_refresh_rotation_required');
  // RFC 7591 §2: jwks and jwks_uri MUST NOT both be present.
  if (jwks && jwksUri) throw clientError('client_keys_ambiguous');
  if (authMethod === 'private_key_jwt' && !jwks && !jwksUri) throw clientError('client_keys_missing');
  if (authMethod === 'private_key_jwt') checkAssertionAlg(settings);
}

/** Keys at a URL are not checked: they may change. */
function checkAssertionAlg({ jwks, assertionAlg: alg }: ClientSettings): void {
  if (!jwks || alg === null) return;
  if (jwks.keys.some((one) => (one['alg'] ?? alg) === alg && publicKeyFor(one, alg))) return;
  throw clientError('client_keys_without_alg', { alg });
}

/** In seconds: a year, the maximum of the server's settings too. */
const MAX_SECONDS = 31_536_000;

function checkSettings(preset: Preset, settings: ClientSettings): void {
  checkRedirects(preset, settings.postLogoutRedirectUris, { setting: 'postLogoutRedirectUris' });
  // OIDC Back-Channel Logout §2.2: the logout URI is absolute, without a fragment, like all others.
  for (const setting of URI_SETTINGS) checkUri(setting, settings[setting]);
  checkSeconds('defaultMaxAge', settings, 0);
  checkSeconds('refreshIdleSeconds', settings, 60);
  checkSeconds('refreshAbsoluteSeconds', settings, 60);
}

const URI_SETTINGS = ['jwksUri', 'backchannelLogoutUri', 'clientUri', 'logoUri', 'policyUri', 'tosUri'] as const;

function checkSeconds(setting: SecondsSetting, settings: Pick<ClientSettings, SecondsSetting>, from: number): void {
  const seconds = settings[setting];
  if (seconds === null || (Number.isInteger(seconds) && seconds >= from && seconds <= MAX_SECONDS)) return;
  throw clientError('client_seconds_out_of_range', { setting, from, to: MAX_SECONDS, seconds });
}
