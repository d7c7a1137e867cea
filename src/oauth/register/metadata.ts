import { USER_SCOPES } from '../../tokens/index.ts';
import {
  type ClientSettings,
  clientMetadata,
  clientSettings,
  clientSettingTable,
  grantNames,
  type MetadataMember,
  type Preset,
  type SettingName,
} from '../client-settings/index.ts';
import type { NewClient } from '../clients/clients.ts';
import { readJwks } from '../clients/jwks.ts';
import { checkRedirects, type RedirectRules } from '../clients/uris.ts';
import type { Client } from '../entities.ts';
import { oauthError } from '../errors.ts';
import { isMetadataError } from '../metadata-errors.ts';
import type { ClientMetadata } from './schemas.ts';

/** The grant types that a program may register. Only an administrator may add token exchange. */
const allowedGrantTypes: readonly string[] = [
  grantNames.code,
  grantNames.refresh,
  grantNames['client-credentials'],
  grantNames.device,
];
const authMethods: Record<string, Client['authMethod']> = {
  client_secret_basic: 'client_secret',
  client_secret_post: 'client_secret',
  private_key_jwt: 'private_key_jwt',
  none: 'none',
};

/** Converts a program's metadata to a new client. OAuthError (RFC 7591 §3.2.2) for values that are not allowed. */
export function readMetadata(metadata: ClientMetadata, redirectRules: RedirectRules): Omit<NewClient, 'requests'> {
  const { redirect_uris: redirectUris = [], client_name: name = 'Unnamed client' } = metadata;
  const authMethod = authMethods[metadata.token_endpoint_auth_method ?? 'client_secret_basic'];
  if (!authMethod) throw unsupported('token_endpoint_auth_method', Object.keys(authMethods));
  const grantTypes = readGrantTypes(metadata);
  const preset = choosePreset(metadata, authMethod, grantTypes);
  if (grantTypes.includes(grantNames.code) && redirectUris.length === 0) throw oauthError('redirect_uris_missing');
  asOAuthError('redirect_uris_refused', () => checkRedirects(preset, redirectUris, redirectRules));
  const settings = readSettings(metadata);
  return { name, preset, authMethod, grantTypes, redirectUris, settings, isDynamic: true, redirectRules };
}

/** RFC 7591 §3.2.1: all registered metadata, including the server's choices. */
export function registeredMetadata(client: Client, metadata: ClientMetadata) {
  const isCode = client.grantTypes.includes(grantNames.code);
  const registered = {
    client_name: client.name,
    redirect_uris: client.redirectUris,
    grant_types: client.grantTypes,
    response_types: isCode ? ['code'] : [],
    token_endpoint_auth_method: metadata.token_endpoint_auth_method ?? 'client_secret_basic',
    application_type: ['native', 'mcp', 'device'].includes(client.preset) ? 'native' : 'web',
    // Permissions depend on its boundary: only scopes that are the same for every client are listed.
    scope:
      metadata.scope
        ?.split(' ')
        .filter((one) => USER_SCOPES.includes(one))
        .join(' ') || null,
    ...clientMetadata(clientSettings(client)),
  };
  const isPresent = ([name, value]: [string, unknown]) =>
    value !== null && value !== undefined && !(Array.isArray(value) && value.length === 0 && name !== 'response_types');
  return Object.fromEntries(Object.entries(registered).filter(isPresent));
}

function readGrantTypes({
  grant_types: grantTypes = [grantNames.code],
  response_types: responseTypes,
}: ClientMetadata): string[] {
  for (const grant of grantTypes)
    if (!allowedGrantTypes.includes(grant)) throw oauthError('grant_types_unsupported', { choices: allowedGrantTypes });
  if (responseTypes?.some((one) => one !== 'code')) throw oauthError('response_types_unsupported');
  // RFC 7591 §2.1: both must be consistent.
  if (responseTypes && responseTypes.includes('code') !== grantTypes.includes(grantNames.code))
    throw oauthError('response_types_inconsistent');
  return [...new Set(grantTypes)];
}

/**
 * Chooses the preset. A program that does not state its type (`web` by OIDC Registration §2) and uses a loopback URI
 * runs on its user's machine, as clients of the Model Context Protocol do.
 */
function choosePreset(
  metadata: ClientMetadata,
  authMethod: Client['authMethod'],
  grantTypes: readonly string[],
): Preset {
  const { application_type: type, redirect_uris: uris = [] } = metadata;
  if (type !== undefined && type !== 'web' && type !== 'native')
    throw unsupported('application_type', ['web', 'native']);
  if (type === 'native') return 'native';
  if (type === undefined && uris.some((one) => !/^https?:/i.test(one))) return 'native';
  if (type === undefined && uris.some((one) => /^http:/i.test(one))) return 'mcp';
  if (grantTypes.includes(grantNames.code)) return authMethod === 'none' ? 'spa' : 'web';
  return grantTypes.includes(grantNames.device) ? 'device' : 'service';
}

function readSettings(metadata: ClientMetadata): Partial<ClientSettings> {
  const values = Object.entries(clientSettingTable).flatMap(([name, one]) => {
    if (one.member === null || metadata[one.member] === undefined) return [];
    return [[name, readSetting(metadata, one)]];
  });
  return Object.fromEntries(values);
}

/** Throws for a value that is no choice. RFC 8725 §3.2: no algorithm is symmetric, and none is `none`. */
function readSetting(metadata: ClientMetadata, one: (typeof clientSettingTable)[SettingName]): unknown {
  const member = one.member as MetadataMember;
  const value = metadata[member];
  if (one.kind === 'keys') return asOAuthError('metadata_refused', () => readJwks(value));
  if (one.kind === 'choice' && !one.choices.some((choice) => choice === value)) throw unsupported(member, one.choices);
  return value;
}

/** Converts an error of the client rules to an OAuthError. */
function asOAuthError<T>(reason: 'redirect_uris_refused' | 'metadata_refused', check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw isMetadataError(error) ? oauthError(reason, { error }) : error;
  }
}

function unsupported(member: keyof ClientMetadata, choices: readonly string[]) {
  return oauthError('metadata_unsupported', { member, choices });
}
