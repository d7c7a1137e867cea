import { Value } from 'typebox/value';
import { grantNames } from '../client-settings/index.ts';
import { checkName } from '../clients/check.ts';
import { checkRedirects, type RedirectRules } from '../clients/uris.ts';
import { oauthError } from '../errors.ts';
import { isMetadataError } from '../metadata-errors.ts';
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

/** An error of a document is shown to the user, who can report it to the application. */
export const ON_PAGE = { status: 400 } as const;

/** The grant types of such a client, which can keep no secret. */
const supportedGrantTypes: readonly string[] = [grantNames.code, grantNames.refresh];

/** Reads a document that was fetched from the client id. OAuthError: why it cannot be used. */
export function readDocument(clientId: string, body: Buffer, rules: RedirectRules): ClientDocument {
  const document = parse(body);
  // Byte for byte: a program that can store a file at some URL speaks for that URL alone.
  if (document['client_id'] !== clientId) throw oauthError('document_of_other_client', ON_PAGE);
  if ('client_secret' in document || 'client_secret_expires_at' in document)
    throw oauthError('document_with_secret', ON_PAGE);
  const [fault] = Value.Errors(clientMetadataSchema, document);
  if (fault)
    throw oauthError('document_malformed', { member: fault.instancePath.slice(1), detail: fault.message }, ON_PAGE);
  const {
    redirect_uris: redirectUris = [],
    client_name: name = documentHost(clientId),
    ...metadata
  } = document as ClientMetadata;
  checkMethod(metadata);
  if (redirectUris.length === 0) throw oauthError('document_redirect_uris_missing', ON_PAGE);
  try {
    checkName(name);
    checkRedirects(DOCUMENT_PRESET, redirectUris, rules);
  } catch (error) {
    throw isMetadataError(error) ? oauthError('document_refused', { error }, ON_PAGE) : error;
  }
  return { name, redirectUris: [...new Set(redirectUris)], grantTypes: readGrantTypes(metadata) };
}

function parse(body: Buffer): Record<string, unknown> {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw oauthError('document_not_json', ON_PAGE);
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw oauthError('document_not_json', ON_PAGE);
  return document as Record<string, unknown>;
}

/** A missing method means `none`: no secret can be shared with an unknown client. */
function checkMethod({ token_endpoint_auth_method: method = 'none' }: ClientMetadata): void {
  if (method !== 'none') throw oauthError('document_method', ON_PAGE);
}

/** RFC 7591 §2: the default is the authorization code alone. Unsupported types are dropped. */
function readGrantTypes({
  grant_types: grantTypes = [grantNames.code],
  response_types: responseTypes = ['code'],
}: ClientMetadata) {
  if (!grantTypes.includes(grantNames.code) || !responseTypes.includes('code'))
    throw oauthError('document_grant_types', ON_PAGE);
  return supportedGrantTypes.filter((one) => grantTypes.includes(one));
}
