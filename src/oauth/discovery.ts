/** What works today, and nothing else: a field appears with the endpoint that it speaks of. RFC 8414 §2. */
export interface Offered {
  readonly issuer: string;
  readonly grantTypes: readonly string[];
}

const clientMethods = ['client_secret_basic', 'client_secret_post'];

/** Authorization server metadata (RFC 8414, OpenID Connect Discovery 1.0 §3). Every URL is built from the issuer. */
export function metadata({ issuer, grantTypes }: Offered) {
  return {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    token_endpoint: `${issuer}/oauth2/token`,
    token_endpoint_auth_methods_supported: clientMethods,
    grant_types_supported: [...grantTypes],
    introspection_endpoint: `${issuer}/oauth2/introspect`,
    introspection_endpoint_auth_methods_supported: clientMethods,
    revocation_endpoint: `${issuer}/oauth2/revoke`,
    // RFC 7009 §2.1: a public client revokes its own by naming itself.
    revocation_endpoint_auth_methods_supported: [...clientMethods, 'none'],
    status_list_aggregation_endpoint: `${issuer}/status-lists`,
    subject_types_supported: ['public'],
    claims_supported: claims,
  };
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
];

/**
 * Where the two documents stand. With a path in the issuer, RFC 8414 §3.1 puts the well-known part before it and OpenID
 * Connect Discovery §4 after it; both names answer at both places.
 */
export function metadataPaths(issuer: string): string[] {
  const path = new URL(issuer).pathname.replace(/\/$/, '');
  const names = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'];
  return path === '' ? names : names.flatMap((name) => [name, `${name}${path}`, `${path}${name}`]);
}
