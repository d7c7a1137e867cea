import type { OAuthErrorCode } from '../platform/http/index.ts';

/** For docs/errors.md: when a client gets an OAuth error. */
export const ERROR_MEANINGS: Readonly<Record<OAuthErrorCode, string>> = {
  invalid_request:
    'A parameter is missing, malformed or repeated; the client authenticates by two methods (RFC 6749 §5.2); or a token to be exchanged is invalid (RFC 8693 §2.2.2).',
  invalid_client:
    'The client is unknown, disabled or not authenticated, or its secret is wrong. All of these get the same response (RFC 6749 §5.2).',
  unauthorized_client: 'The client may not use this `grant_type` (RFC 6749 §5.2).',
  invalid_grant:
    'The code or refresh token is unknown, expired, used, or issued to another client; or its grant has ended (RFC 6749 §5.2).',
  invalid_scope:
    'None of the requested scopes exists and is allowed for the client; or a refresh requests scopes of OpenID Connect that were not granted (RFC 6749 §5.2, §6). Other scopes that cannot be granted are left out: see `scope` in the response.',
  unsupported_grant_type: 'This server does not support the `grant_type` (RFC 6749 §5.2).',
  invalid_target:
    'There is no such API; the client may not request tokens for it; the token would exceed its budget (RFC 8707 §2); or the actor may not act for the user (RFC 8693 §2.2.2).',
  access_denied: 'The user, or a rule of this server, has denied the request (RFC 6749 §4.1.2.1, RFC 8628 §3.5).',
  unsupported_response_type: 'The `response_type` is not `code` (RFC 6749 §4.1.2.1).',
  login_required:
    'The request has `prompt=none`, and no user is signed in, another user is, or the sign-in is too old (OIDC Core §3.1.2.6).',
  consent_required: 'The request has `prompt=none`, and the user has not consented to all of it (OIDC Core §3.1.2.6).',
  interaction_required: 'The request has `prompt=none`, and needs an action of the user (OIDC Core §3.1.2.6).',
  unmet_authentication_requirements: 'None of the essential `acr` values is supported (OIDC Core §5.5.1.1).',
  request_not_supported: 'Request objects are not supported (OIDC Core §3.1.2.6).',
  request_uri_not_supported: 'The `request_uri` was not pushed to this server (OIDC Core §3.1.2.6, RFC 9126).',
  registration_not_supported: 'The parameter `registration` is not supported (OIDC Core §3.1.2.6).',
  invalid_request_uri: 'The pushed request is unknown, expired, used, or of another client (RFC 9126 §2.2).',
  authorization_pending: 'The user has not decided yet. Poll again after `interval` seconds (RFC 8628 §3.5).',
  slow_down: 'The client polls too often. From now on wait five seconds longer between two polls (RFC 8628 §3.5).',
  expired_token: 'The device code has expired. Start again (RFC 8628 §3.5).',
  invalid_dpop_proof: 'The DPoP proof is missing, malformed, used, or for another request (RFC 9449 §5).',
  use_dpop_nonce: 'Make the proof again with the nonce of the header `DPoP-Nonce` (RFC 9449 §8).',
  invalid_redirect_uri: 'A redirect URI is not allowed for clients (RFC 7591 §3.2.2).',
  invalid_client_metadata: 'A value of the metadata is not allowed (RFC 7591 §3.2.2).',
  invalid_token: 'The token is unknown, expired, ended, or bound to another key (RFC 6750 §3.1).',
  insufficient_scope: 'The token does not have the scope that this endpoint requires (RFC 6750 §3.1).',
  server_error: 'A fault of Signet: no request should cause it. The log has the cause.',
  temporarily_unavailable:
    'The database cannot be reached, or, as 429, this network or client sends too many requests. Try again after `Retry-After`. It says nothing about a token.',
};
