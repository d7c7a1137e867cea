import type { DescribeRefusal, OAuthErrorCode, RefusalReason } from '../platform/http/index.ts';
import { decodeJsonPart } from '../platform/jws.ts';
import { readAssertion } from './assertion/assertions.ts';
import { basicClientId } from './client-auth.ts';
import type { ClientCache, LiveClient } from './clients/cache.ts';
import { pkceSettings } from './clients/settings.ts';

/** The remedy for a refusal; null when its description says all. The client is null where it is unknown. */
type Remedy = string | null | ((client: LiveClient | null) => string);

const update = (client: LiveClient | null) => `npx signet client update ${client?.clientId ?? 'CLIENT_ID'}`;
const show = (client: LiveClient | null) => `npx signet client show ${client?.clientId ?? 'CLIENT_ID'}`;

const promptNone = 'prompt=none shows no page: on this error, send the user here again without it.';
const codeRemedy =
  'A code is good once, for a minute, and for the client that it was given to: begin the sign-in again, and redeem its code once.';
const unknownClient =
  'Compare client_id with: npx signet client list. Where it is disabled: npx signet client enable CLIENT_ID.';

/**
 * One table for every OAuth refusal, by reason or else by code. For the log, and in development for pages and clients.
 */
export const REMEDIES: Record<RefusalReason | OAuthErrorCode, Remedy> = {
  pkce_missing: (client) => {
    const on = `Turn PKCE on in the library: ${pkceSettings()}; docs/compatibility.md has more.`;
    return client?.authMethod === 'none'
      ? `${on} A public client cannot do without.`
      : `${on} For a library without PKCE: ${update(client)} --pkce if-sent (where it sends openid and a nonce), else --pkce off.`;
  },
  client_unknown: unknownClient,
  redirect_uri_unregistered: (client) =>
    `Registered: ${client?.redirectUris.slice(0, 3).join(', ') || 'none'}. To register others: ${update(client)} --redirect-uri URI, with each that it is to have.`,
  redirect_uri_missing: 'Send redirect_uri, as it is registered.',
  par_required: (client) => `Turn on pushed requests (PAR) in the library, or: ${update(client)} --require-par off`,
  dpop_required: (client) => `Turn on DPoP in the library, or: ${update(client)} --dpop off`,
  verifier_mismatch:
    'Send the code_verifier of the same sign-in: the library has to find again, at its callback, what it kept when it sent the user here (its session cookie, its host name).',
  verifier_unasked:
    'The code was asked for without code_challenge, and comes with a code_verifier: something has taken the challenge out of the request on its way (RFC 9700 4.8.2), or two sign-ins were mixed up.',
  redirect_uri_differs: 'Send the very redirect_uri that the code was asked for with: scheme, host, port and path.',
  logout_uri_unregistered: (client) => `To register it: ${update(client)} --post-logout-redirect-uri URI`,
  logout_hint:
    'Send the id_token that this client was given here as id_token_hint, and client_id (if any) of the same client.',
  invalid_request: null,
  invalid_client: (client) => {
    if (client === null) return unknownClient;
    if (!client.isActive) return `The client is disabled: npx signet client enable ${client.clientId}`;
    if (client.authMethod === 'none') return 'This client is public: send client_id in the form, and no secret.';
    if (client.authMethod === 'private_key_jwt')
      return `This client authenticates by private_key_jwt: compare its keys, and the aud and exp of its assertion, with: ${show(client)}`;
    return `Compare the secret with the one that was printed when the client was created; a new one: npx signet client rotate-secret ${client.clientId}`;
  },
  unauthorized_client: (client) =>
    `Its grants: ${client?.grantTypes.join(', ') || 'unknown'}. To give it others: ${update(client)} --grant NAME, with each that it is to have.`,
  invalid_grant: codeRemedy,
  invalid_scope: (client) =>
    `Ask for less: scopes are names of OpenID Connect or permissions of the API. ${show(client)}`,
  unsupported_grant_type: 'Set grant_type to one of grant_types_supported in /.well-known/openid-configuration.',
  invalid_target: (client) =>
    `Name the API by audience or resource. What the client may ask for: ${show(client)}; to change it: ${update(client)} --api AUDIENCE, with each that it is to have.`,
  access_denied: null,
  unsupported_response_type: 'Set response_type to code in the library (the authorization code flow).',
  login_required: promptNone,
  consent_required: promptNone,
  interaction_required: promptNone,
  unmet_authentication_requirements: 'Ask for an acr of acr_values_supported, or make it voluntary.',
  request_not_supported:
    'Turn off request objects (JAR) in the library; pushed requests (PAR) protect a request alike.',
  request_uri_not_supported: 'Push the request to /oauth2/par first, and send the request_uri of its answer.',
  registration_not_supported: 'Register the client first: npx signet client create',
  invalid_request_uri: 'A pushed request is good once and for 90 seconds: push another for every sign-in.',
  authorization_pending: null,
  slow_down: 'Wait for the interval of the answer, and five seconds more after each slow_down.',
  expired_token: 'Begin again at /oauth2/device_authorization.',
  invalid_dpop_proof: 'Make a proof for every request: its htm, htu, iat, jti, and ath where there is a token.',
  use_dpop_nonce: null,
  invalid_redirect_uri: null,
  invalid_client_metadata: null,
  invalid_token: 'Send an access token that is good still: Authorization: Bearer TOKEN. A refresh gives another.',
  insufficient_scope: 'Ask for the scope openid when the user signs in.',
  server_error: null,
  temporarily_unavailable: null,
};

/** A remedy may contain registered URIs of a client. */
const MAX_REMEDY_LENGTH = 2048;

/** The form of client ids: any other value may be a secret in the wrong field. */
const CLIENT_ID = /^(?:c_[\w-]{1,64}|https:\/\/[\w.:/~-]{1,200})$/;

/** What the log adds to a refusal: the client and a remedy. Reads cached clients only. */
export function createDescribeRefusal(clients: Pick<ClientCache, 'peek'>, isDevelopment: boolean): DescribeRefusal {
  return (error, request, knownClient) => {
    const id = knownClient?.clientId ?? readClientId(request);
    const client = id === null ? null : ((knownClient as LiveClient | undefined) ?? clients.peek(id) ?? null);
    const remedy = REMEDIES[error.reason ?? error.code];
    return {
      client: client ? { id: client.clientId, name: client.name } : id === null ? null : { id },
      remedy: (typeof remedy === 'function' ? remedy(client) : remedy)?.slice(0, MAX_REMEDY_LENGTH) ?? null,
      isShown: isDevelopment,
    };
  };
}

/** The client id of a request, by whichever method it is sent. */
function readClientId({ authorization, fields }: Parameters<DescribeRefusal>[1]): string | null {
  const sent = fields['client_id'] ?? basicClientId(authorization) ?? bearerClientId(authorization);
  const id = sent ?? readAssertion(fields)?.clientId;
  return id !== undefined && CLIENT_ID.test(id) ? id : null;
}

/** From an unverified token: it only selects what the log shows. */
function bearerClientId(authorization: string | undefined): string | undefined {
  const [, payload] = /^(?:Bearer|DPoP) +[\w-]+\.([\w-]{1,16384})\./i.exec(authorization ?? '') ?? [];
  const id = payload === undefined ? undefined : decodeJsonPart(payload)?.['client_id'];
  return typeof id === 'string' ? id : undefined;
}
