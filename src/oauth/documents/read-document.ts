import { Value } from 'typebox/value';
import { Failure } from '../../platform/errors.ts';
import { OAuthError } from '../../platform/http/index.ts';
import { checkName } from '../clients/check.ts';
import { grantNames } from '../clients/presets.ts';
import { checkRedirects, type RedirectRules } from '../clients/uris.ts';
import { type ClientMetadata, clientMetadataSchema } from '../register/schemas.ts';
import { documentHost } from './url.ts';

/** The parts of a document that are used. */
export interface ClientDocument {
  readonly name: string;
  readonly redirectUris: readonly string[];
  readonly grantTypes: readonly string[];
}

/**
 * The preset of document clients, programs on their user's machine: http on loopback is allowed, on any port for a
 * literal (RFC 8252 §7.3).
 */
export const DOCUMENT_PRESET = 'mcp';

/** The grant types of such a client, which can keep no secret. */
const supportedGrantTypes: readonly string[] = [grantNames.code, grantNames.refresh];

/** Reads a document that was fetched from the client id. OAuthError: why it cannot be used. */
export function readDocument(clientId: string, body: Buffer, rules: RedirectRules): ClientDocument {
  const document = parse(body);
  // Byte for byte: a program that can store a file at some URL speaks for that URL alone.
  if (document['client_id'] !== clientId)
    throw unusableDocument('its client_id is not the address that it was read from');
  if ('client_secret' in document || 'client_secret_expires_at' in document)
    throw unusableDocument('it holds a client_secret');
  const [fault] = Value.Errors(clientMetadataSchema, document);
  if (fault) throw unusableDocument(`${fault.instancePath.slice(1) || 'it'} ${fault.message}`);
  const {
    redirect_uris: redirectUris = [],
    client_name: name = documentHost(clientId),
    ...metadata
  } = document as ClientMetadata;
  checkMethod(metadata);
  if (redirectUris.length === 0) throw unusableDocument('it has no redirect_uris');
  try {
    checkName(name);
    checkRedirects(DOCUMENT_PRESET, redirectUris, rules);
  } catch (error) {
    throw error instanceof Failure ? unusableDocument(error.message.replace(/\.$/, '')) : error;
  }
  return { name, redirectUris: [...new Set(redirectUris)], grantTypes: readGrantTypes(metadata) };
}

function parse(body: Buffer): Record<string, unknown> {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw unusableDocument('it is no JSON');
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw unusableDocument('it is no JSON object');
  return document as Record<string, unknown>;
}

/** A missing method means `none`: no secret can be shared with an unknown client. */
function checkMethod({ token_endpoint_auth_method: method = 'none' }: ClientMetadata): void {
  if (method !== 'none') throw unusableDocument('its token_endpoint_auth_method is not none');
}

/** RFC 7591 §2: the default is the authorization code alone. Unsupported types are dropped. */
function readGrantTypes({
  grant_types: grantTypes = [grantNames.code],
  response_types: responseTypes = ['code'],
}: ClientMetadata) {
  if (!grantTypes.includes(grantNames.code) || !responseTypes.includes('code'))
    throw unusableDocument('its grant_types and response_types do not name authorization_code and code');
  return supportedGrantTypes.filter((one) => grantTypes.includes(one));
}

/** Shown to the user, who can report it to the application. */
export function unusableDocument(reason: string): OAuthError {
  const text = `The metadata document of this client cannot be used: ${reason}.`;
  return new OAuthError('invalid_client', text, { status: 400 });
}
