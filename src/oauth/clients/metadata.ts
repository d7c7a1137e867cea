import type { ClientSettings } from './settings.ts';

/** A client's settings under the names of RFC 7591 §2, RFC 9126 §6, RFC 9449 §5.2 and OpenID Connect Registration §2. */
export function clientMetadata(settings: ClientSettings) {
  return {
    token_endpoint_auth_signing_alg: settings.assertionAlg,
    id_token_signed_response_alg: settings.idTokenAlg,
    userinfo_signed_response_alg: settings.userinfoAlg,
    require_pushed_authorization_requests: settings.requirePushed,
    dpop_bound_access_tokens: settings.dpopBound,
    default_max_age: settings.defaultMaxAge,
    jwks: settings.jwks,
    jwks_uri: settings.jwksUri,
    post_logout_redirect_uris: settings.postLogoutRedirectUris,
    backchannel_logout_uri: settings.backchannelLogoutUri,
    backchannel_logout_session_required: settings.backchannelLogoutSessionRequired,
    client_uri: settings.clientUri,
    logo_uri: settings.logoUri,
    policy_uri: settings.policyUri,
    tos_uri: settings.tosUri,
    contacts: settings.contacts,
    software_id: settings.softwareId,
    software_version: settings.softwareVersion,
  };
}
