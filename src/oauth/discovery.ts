import { basePath } from '../platform/http/index.ts';
import { ACR_VALUES } from '../signin/index.ts';
import { USER_SCOPES, userinfoUrl } from '../tokens/index.ts';
import { PROMPTS } from './authorize/request.ts';
import { CLIENT_JWS_ALGS } from './client-settings/index.ts';
import { USER_CLAIMS } from './user-claims.ts';

/** The features that the metadata (RFC 8414 §2) depends on. */
export interface ServerFeatures {
  readonly issuer: string;
  readonly grantTypes: readonly string[];
  readonly registration: 'off' | 'token';
  readonly hasDocuments: boolean;
}

const clientMethods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'];

/** Signing algorithms of Signet; each client chooses. */
const ownAlgs = ['RS256', 'ES256', 'EdDSA'];

/** RFC 8414 §2: of assertions, without `none`. RFC 9449 §5.1: of proofs, the same. */
const clientAlgs = [...CLIENT_JWS_ALGS];

/** Authorization server metadata (RFC 8414, OpenID Connect Discovery 1.0 §3). Every URL is built from the issuer. */
export function metadata({ issuer, grantTypes, registration, hasDocuments }: ServerFeatures) {
  return {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    authorization_endpoint: `${issuer}/oauth2/authorize`,
    // RFC 9207 §3.
    authorization_response_iss_parameter_supported: true,
    pushed_authorization_request_endpoint: `${issuer}/oauth2/par`,
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'form_post'],
    code_challenge_methods_supported: ['S256'],
    prompt_values_supported: [...PROMPTS],
    acr_values_supported: [...ACR_VALUES],
    claims_parameter_supported: true,
    request_parameter_supported: false,
    // OIDC Discovery §3: false must be explicit, because the default is true. RFC 9126 §5: pushed requests are accepted
    // nevertheless.
    request_uri_parameter_supported: false,
    token_endpoint: `${issuer}/oauth2/token`,
    // RFC 8414 §2: a public client sends its id and its code verifier.
    token_endpoint_auth_methods_supported: [...clientMethods, 'none'],
    grant_types_supported: [...grantTypes],
    token_endpoint_auth_signing_alg_values_supported: clientAlgs,
    dpop_signing_alg_values_supported: clientAlgs,
    introspection_endpoint: `${issuer}/oauth2/introspect`,
    introspection_endpoint_auth_methods_supported: clientMethods,
    introspection_endpoint_auth_signing_alg_values_supported: clientAlgs,
    revocation_endpoint: `${issuer}/oauth2/revoke`,
    // RFC 7009 §2.1: a public client revokes its own tokens by sending its id.
    revocation_endpoint_auth_methods_supported: [...clientMethods, 'none'],
    revocation_endpoint_auth_signing_alg_values_supported: clientAlgs,
    // RFC 8628 §4.
    device_authorization_endpoint: `${issuer}/oauth2/device_authorization`,
    end_session_endpoint: `${issuer}/oauth2/logout`,
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    status_list_aggregation_endpoint: `${issuer}/status-lists`,
    userinfo_endpoint: userinfoUrl(issuer),
    userinfo_signing_alg_values_supported: ownAlgs,
    id_token_signing_alg_values_supported: ownAlgs,
    scopes_supported: [...USER_SCOPES],
    ...(registration === 'off' ? {} : { registration_endpoint: `${issuer}/oauth2/register` }),
    // draft-ietf-oauth-client-id-metadata-document §5.
    ...(hasDocuments ? { client_id_metadata_document_supported: true } : {}),
    subject_types_supported: ['public'],
    claims_supported: [...new Set(claims)],
  };
}

/**
 * Returns the paths that pages of any origin may call: every endpoint in the metadata except those that browsers are
 * sent to, which rely on the cookie (RFC 9700 §2.6). Endpoints that are added to the metadata are included. Each path
 * is listed relative to the issuer and in full.
 */
export function crossOriginPaths(offered: Omit<ServerFeatures, 'grantTypes'>): string[] {
  const { issuer } = offered;
  const { authorization_endpoint, end_session_endpoint, ...rest } = metadata({ ...offered, grantTypes: [] });
  const named = Object.values(rest).filter(
    (one) => typeof one === 'string' && one.startsWith(`${issuer}/`),
  ) as string[];
  return named.flatMap((address) => [address.slice(issuer.length), new URL(address).pathname]);
}

const claims = [
  'iss',
  'sub',
  'aud',
  'exp',
  'iat',
  'jti',
  'client_id',
  'sid',
  'auth_time',
  'amr',
  'scope',
  'username',
  'is_staff',
  'is_superuser',
  'permissions',
  'permissions_bitmap',
  'status',
  'nonce',
  'acr',
  'at_hash',
  'cnf',
  'act',
  ...USER_CLAIMS,
];

/**
 * The paths of the two documents. With a path in the issuer, RFC 8414 §3.1 puts the well-known part before it, and
 * OpenID Connect Discovery §4 puts it after it, where everything else is (`stripBasePath`). Both names are served at
 * both.
 */
export function metadataPaths(issuer: string): string[] {
  const path = basePath(issuer);
  const names = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'];
  return path === '' ? names : names.flatMap((name) => [name, `${name}${path}`]);
}
