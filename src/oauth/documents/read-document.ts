import { Value } from 'typebox/value';
import { Failure } from '../../platform/errors.ts';
import { OAuthError } from '../../platform/http/index.ts';
import { checkName } from '../clients/check.ts';
import { grantNames } from '../clients/presets.ts';
import { checkRedirects, type RedirectRules } from '../clients/uris.ts';
import { type ClientMetadata, clientMetadata } from '../register/schemas.ts';
import { documentHost } from './url.ts';

/** What is taken of a document. */
export interface ClientDocument {
  readonly name: string;
  readonly redirectUris: readonly string[];
  readonly grantTypes: readonly string[];
}

/** A program on its user's machine: http on loopback is taken, with the port free where it is a literal (RFC 8252 §7.3). */
export const DOCUMENT_PRESET = 'mcp';

/** What there is for such a client: it can keep no secret. */
const grants: readonly string[] = [grantNames.code, grantNames.refresh];

/** A document that was fetched from where its client id says. OAuthError: why it is none. */
export function readDocument(clientId: string, body: Buffer, rules: RedirectRules): ClientDocument {
  const document = parse(body);
  // The address itself, to the byte: whoever can store a file somewhere speaks for that address alone.
  if (document['client_id'] !== clientId)
    throw unusableDocument('its client_id is not the address that it was read from');
  if ('client_secret' in document || 'client_secret_expires_at' in document)
    throw unusableDocument('it holds a client_secret');
  const [fault] = Value.Errors(clientMetadata, document);
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

/** No secret can be agreed upon with somebody unknown, so that a method that is not named can only be `none`. */
function checkMethod({ token_endpoint_auth_method: method = 'none' }: ClientMetadata): void {
  if (method !== 'none') throw unusableDocument('its token_endpoint_auth_method is not none');
}

/** RFC 7591 §2: absent, the code alone. What is not offered here is left out. */
function readGrantTypes({ grant_types: asked = [grantNames.code], response_types: types = ['code'] }: ClientMetadata) {
  if (!asked.includes(grantNames.code) || !types.includes('code'))
    throw unusableDocument('its grant_types and response_types do not name authorization_code and code');
  return grants.filter((one) => asked.includes(one));
}

/** For the user to read, who can tell the people of the application. */
export function unusableDocument(reason: string): OAuthError {
  const text = `The metadata document of this client cannot be used: ${reason}.`;
  return new OAuthError('invalid_client', text, { status: 400 });
}
