// The settings that stock libraries need, for docs/compatibility.md. Tests run the flows of some; the others were tried by hand, unmodified,
// on the date in their row.

export interface RelyingParty {
  readonly library: string;
  /** As it was tried; absent: the rows of its test say it. */
  readonly version?: string;
  readonly pkce: 'by itself' | 'a setting' | 'none';
  /** `--pkce` of its client: the strictest that it works with. */
  readonly state: 'on' | 'if-sent' | 'off';
  readonly settings: string;
}

const NEWEST = 'newest';
export const TRIED = '30 November 2026';

export const RELYING_PARTIES: readonly RelyingParty[] = [
  { library: '@auth/express', pkce: 'by itself', state: 'on', settings: '' },
  { library: 'express-openid-connect', pkce: 'by itself', state: 'on', settings: '' },
  { library: '@hono/oidc-auth', pkce: 'by itself', state: 'on', settings: '' },
  { library: 'oidc-client-ts', pkce: 'by itself', state: 'on', settings: '' },
  { library: 'AppAuth-JS', version: NEWEST, pkce: 'by itself', state: 'on', settings: '' },
  {
    library: '@modelcontextprotocol/sdk',
    pkce: 'by itself',
    state: 'on',
    settings: 'a client that was registered before',
  },
  { library: 'Spring Security oauth2Login', version: 'Boot 4.1', pkce: 'by itself', state: 'on', settings: '' },
  {
    library: 'openid-client',
    pkce: 'a setting',
    state: 'on',
    settings: '`code_challenge` and `pkceCodeVerifier`, in your call',
  },
  {
    library: 'Authlib',
    pkce: 'a setting',
    state: 'on',
    settings: "`code_challenge_method: 'S256'` in `client_kwargs`",
  },
  { library: 'arctic', version: NEWEST, pkce: 'a setting', state: 'on', settings: 'the verifier, in your call' },
  {
    library: '@badgateway/oauth2-client',
    version: NEWEST,
    pkce: 'a setting',
    state: 'on',
    settings: '`codeVerifier`, in your call',
  },
  { library: '@fastify/oauth2', pkce: 'a setting', state: 'on', settings: "`pkce: 'S256'`" },
  {
    library: 'go-oidc with golang.org/x/oauth2',
    version: '3.21',
    pkce: 'a setting',
    state: 'on',
    settings: '`oauth2.S256ChallengeOption` and `oauth2.VerifierOption`',
  },
  { library: 'next-auth', version: '4', pkce: 'a setting', state: 'on', settings: "`checks: ['pkce', 'state']`" },
  {
    library: 'mozilla-django-oidc',
    version: '5',
    pkce: 'a setting',
    state: 'on',
    settings:
      "`OIDC_USE_PKCE = True`, `OIDC_RP_SIGN_ALGO = 'RS256'`, `OIDC_OP_JWKS_ENDPOINT` and the three endpoints; an e-mail address for each user, or a `verify_claims` of your own: without either it sends users back to `/` without a message",
  },
  {
    library: 'django-allauth openid_connect',
    version: '65',
    pkce: 'a setting',
    state: 'on',
    settings: '`OAUTH_PKCE_ENABLED: True`',
  },
  {
    library: 'social-auth-app-django 8',
    version: '8',
    pkce: 'a setting',
    state: 'on',
    settings: '`SOCIAL_AUTH_<NAME>_USE_PKCE = True`, a backend class of three lines, begin by POST',
  },
  {
    library: 'social-auth-app-django',
    pkce: 'none',
    state: 'if-sent',
    settings: 'this release sends a nonce by itself',
  },
  { library: 'requests-oauthlib', version: '2', pkce: 'a setting', state: 'on', settings: "`pkce='S256'`" },
  {
    library: 'oauth2-proxy',
    version: '7.15',
    pkce: 'a setting',
    state: 'on',
    settings: '`--code-challenge-method=S256`; verified addresses, or `--insecure-oidc-allow-unverified-email`',
  },
  { library: 'mod_auth_openidc', pkce: 'a setting', state: 'on', settings: '`OIDCPKCEMethod S256`' },
  {
    library: 'passport-openidconnect',
    pkce: 'none',
    state: 'if-sent',
    settings: '`nonce: true`; without it `--pkce off`',
  },
  { library: 'simple-oauth2', version: NEWEST, pkce: 'none', state: 'off', settings: '' },
  {
    library: 'omniauth_openid_connect',
    version: '0.10',
    pkce: 'a setting',
    state: 'on',
    settings: '`pkce: true` by its source; tried without it, with `--pkce off`',
  },
  {
    library: 'Spring Security oauth2Login',
    version: 'Boot 3.5',
    pkce: 'none',
    state: 'if-sent',
    settings: 'sends a nonce by itself with `scope: openid`; tried with `--pkce off`',
  },
];

export interface Validator {
  readonly library: string;
  readonly version?: string;
  readonly settings: string;
  /** The test that runs it. */
  readonly test?: string;
}

export const VALIDATORS: readonly Validator[] = [
  { library: 'jose', test: 'jose', settings: '' },
  { library: 'jsonwebtoken with jwks-rsa', test: 'jsonwebtoken', settings: '' },
  { library: 'express-oauth2-jwt-bearer', test: 'express-oauth2-jwt-bearer', settings: '' },
  {
    library: 'fast-jwt with get-jwks, @fastify/jwt',
    test: 'fast-jwt',
    settings: '`jwksPath`; issuer and audience by hand; no EdDSA',
  },
  { library: 'PyJWT', test: 'pyjwt', settings: 'over https with a CA of your own: `SSL_CERT_FILE`' },
  { library: 'hono/jwk', version: '4.13', settings: "`verification: { typ: 'at+jwt' }`, else a bare 401" },
  {
    library: 'djangorestframework-simplejwt',
    version: '5.5',
    settings:
      "`USER_ID_CLAIM='sub'`, `TOKEN_TYPE_CLAIM=None`, a user class of four lines; `has_module_perms` stays False",
  },
  {
    library: 'django-oauth-toolkit (introspection)',
    version: '3.4',
    settings: "it compares `aud` with the request's URL: `RESOURCE_SERVER_TOKEN_RESOURCE_VALIDATOR`",
  },
  {
    library: 'nimbus-jose-jwt, Spring Security',
    version: '10.9, 7.1 (Boot 3.5)',
    settings:
      "they refuse `at+jwt`: a type verifier, or `--typ JWT` with `audiences`, `authorities-claim-name=permissions`, `authority-prefix=`, `principal-claim-name=username`. With `issuer-uri` alone another API's token and an ID token pass",
  },
  {
    library: 'aws-jwt-verify, @okta/jwt-verifier',
    version: NEWEST,
    settings: 'https only (`npx signet dev --https`), or a switch of theirs',
  },
  { library: 'oauth4webapi', version: '3.8', settings: '`at+jwt` alone; `allowInsecureRequests` on http' },
  { library: 'python-jose', version: NEWEST, settings: 'it tries keys in order: an RSA key first' },
  { library: 'drf-jwt', version: NEWEST, settings: 'no JWKS: give it the key' },
  { library: 'drf-oidc-auth', version: NEWEST, settings: 'its prefix is `JWT` unless set' },
  { library: 'flask-jwt-extended', version: NEWEST, settings: 'five settings and a loader of keys' },
  {
    library: 'mozilla-django-oidc contrib.drf',
    version: '5',
    settings: "it asks userinfo alone: any API's token passes; 500 for a token without `openid`",
  },
  {
    library: 'token-introspection (npm), JWKS mode',
    version: NEWEST,
    settings: 'it checks no audience: check it yourself',
  },
  {
    library:
      'go-oidc, golang-jwt with keyfunc, jwx, go-jose, go-jwt-middleware; jsonwebtoken and jwt-authorizer (Rust); java-jwt with jwks-rsa, jjwt, jose4j, SmallRye; jwt (Ruby); Crypt::JWT',
    version: NEWEST,
    settings: '',
  },
  { library: 'json-jwt (Ruby)', version: NEWEST, settings: 'it checks no claim itself' },
];
