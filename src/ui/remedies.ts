import { type FindRemedy, type LiveClient, pkceSettings, type RefusalReason } from '../oauth/index.ts';
import type { OAuthErrorCode } from '../platform/http/index.ts';

// What can be done about a refusal of OAuth, for the log of the server, and in development for pages and clients.

/** What an operator or the client's developer can do; null if the description says all. The client is null if it is unknown. */
type Remedy = string | null | ((client: LiveClient | null) => string);

const update = (client: LiveClient | null) => `npx signet client update ${client?.clientId ?? 'CLIENT_ID'}`;
const show = (client: LiveClient | null) => `npx signet client show ${client?.clientId ?? 'CLIENT_ID'}`;

const promptNone = 'prompt=none shows no page. On this error, send the user here again without it.';
const unknownClient =
  'Compare client_id with: npx signet client list. If the client is disabled: npx signet client enable CLIENT_ID';
const logoutHint =
  'Send an ID token that this server has issued to the client as id_token_hint, and client_id (if any) of the same client.';
const redirectUri = 'Send redirect_uri as it is registered.';
const registrationToken = 'To make a registration token: npx signet client registration-token';
const pkce = (client: LiveClient | null) => {
  const on = `Turn PKCE on in the library: ${pkceSettings()}; docs/compatibility.md has more.`;
  return client?.authMethod === 'none'
    ? `${on} A public client must use PKCE.`
    : `${on} For a library without PKCE: ${update(client)} --pkce if-sent (if it sends openid and a nonce), else --pkce off`;
};

/** Of every OAuth error. */
const byCode: Readonly<Record<OAuthErrorCode, Remedy>> = {
  invalid_request: null,
  invalid_client: (client) => {
    if (client === null) return unknownClient;
    if (!client.isActive) return `The client is disabled. To enable it: npx signet client enable ${client.clientId}`;
    if (client.authMethod === 'none') return 'This client is public. Send client_id in the form, and no secret.';
    if (client.authMethod === 'private_key_jwt')
      return `This client authenticates by private_key_jwt. Compare its keys, and the aud and exp of its assertion, with: ${show(client)}`;
    return `Compare the secret with the one that was printed when the client was created. For a new one: npx signet client rotate-secret ${client.clientId}`;
  },
  unauthorized_client: (client) =>
    `The grants of this client: ${client?.grantTypes.join(', ') || 'unknown'}. To change them: ${update(client)} --grant NAME, once for each grant.`,
  invalid_grant:
    'A code can be redeemed once, within a minute, by the client that it was issued to. Start the sign-in again, and redeem its code once.',
  invalid_scope: (client) =>
    `Request scopes of OpenID Connect, or permissions of the API that the client may carry: ${show(client)}`,
  unsupported_grant_type: 'Set grant_type to one of grant_types_supported in /.well-known/openid-configuration.',
  invalid_target: (client) =>
    `Name the API by audience or resource. To list the APIs of the client: ${show(client)}. To change them: ${update(client)} --api AUDIENCE, once for each API.`,
  access_denied: null,
  unsupported_response_type: 'Set response_type to code in the library (the authorization code flow).',
  login_required: promptNone,
  consent_required: promptNone,
  interaction_required: promptNone,
  unmet_authentication_requirements: 'Request an acr of acr_values_supported, or make it voluntary.',
  request_not_supported:
    'Turn off request objects (JAR) in the library. Pushed requests (PAR) protect a request as well.',
  request_uri_not_supported: 'Push the request to /oauth2/par first, and send the request_uri of the response.',
  registration_not_supported: 'Register the client first: npx signet client create',
  invalid_request_uri: 'A pushed request can be used once, within 90 seconds. Push another for every sign-in.',
  authorization_pending: null,
  slow_down: 'Wait for the interval of the response, and five seconds more after each slow_down.',
  expired_token: 'Start again at /oauth2/device_authorization.',
  invalid_dpop_proof: 'Make a proof for every request: its htm, htu, iat, jti, and ath if there is a token.',
  use_dpop_nonce: null,
  invalid_redirect_uri: null,
  invalid_client_metadata: null,
  invalid_token: 'Send an active access token: Authorization: Bearer TOKEN. A refresh returns a new one.',
  insufficient_scope: 'Request the scope openid when the user signs in.',
  server_error: null,
  temporarily_unavailable: null,
};

/** Of reasons that have a more specific remedy than their error. */
const byReason: Readonly<Partial<Record<RefusalReason, Remedy>>> = {
  pkce_missing: pkce,
  pkce_or_nonce_missing: pkce,
  client_unknown: unknownClient,
  redirect_uri_unregistered: (client) =>
    `Registered: ${client?.redirectUris.slice(0, 3).join(', ') || 'none'}. To change them: ${update(client)} --redirect-uri URI, once for each URI.`,
  redirect_uri_missing: redirectUri,
  redirect_uri_required: redirectUri,
  par_required: (client) => `Turn on pushed requests (PAR) in the library, or: ${update(client)} --require-par off`,
  dpop_required: (client) => `Turn on DPoP in the library, or: ${update(client)} --dpop off`,
  verifier_mismatch:
    'Send the code_verifier of the same sign-in. At its callback the library must find what it stored when it sent the user here (its session cookie, its host name).',
  verifier_unexpected:
    'The code was requested without code_challenge, and is redeemed with code_verifier. Something has removed the challenge from the request (RFC 9700 4.8.2), or two sign-ins were mixed up.',
  redirect_uri_differs: 'Send the redirect_uri of the authorization request: the same scheme, host, port and path.',
  logout_uri_unregistered: (client) => `To register it: ${update(client)} --post-logout-redirect-uri URI`,
  logout_hint_invalid: logoutHint,
  logout_hint_of_other_client: logoutHint,
  logout_client_missing: logoutHint,
  registration_token_missing: registrationToken,
  registration_token_malformed: registrationToken,
  registration_token_invalid: registrationToken,
};

/** Returns what can be done about a refusal. */
export const findRemedy: FindRemedy = ({ code, reason }, client) => {
  const remedy = byReason[reason as RefusalReason] ?? byCode[code];
  return typeof remedy === 'function' ? remedy(client) : remedy;
};
