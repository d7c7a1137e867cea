import type { Alg } from '../../tokens/index.ts';
import type { ClientJwsAlg } from '../client-jws.ts';

/**
 * How a client protects its codes (RFC 7636, RFC 9700 §2.1.1). `on`: by PKCE. `if-sent`: by PKCE, or by the `nonce` of an OpenID Connect
 * request. `off`: as it likes. A public client is always `on`.
 */
export const PKCE_RULES = ['on', 'if-sent', 'off'] as const;
export type PkceRule = (typeof PKCE_RULES)[number];

/** What can be said of one client beside its preset. Names follow RFC 7591 §2 and OpenID Connect Registration where they have one. */
export interface ClientSettings {
  readonly pkce: PkceRule;
  /** RFC 9126 §6. */
  readonly requirePushed: boolean;
  /** A first-party client does not ask its users, unless this is set. */
  readonly askConsent: boolean;
  /** RFC 9449 §5.2: no token that is not bound to a key. */
  readonly dpopBound: boolean;
  readonly idTokenAlg: Alg;
  /** Where the scope `permissions` says them: at userinfo alone, or in the ID token as well. */
  readonly permissionsIn: 'userinfo' | 'id_token';
  /** Null: userinfo is answered as JSON. */
  readonly userinfoAlg: Alg | null;
  /** `private_key_jwt`: the keys, or where they are. */
  readonly jwks: { readonly keys: readonly Readonly<Record<string, unknown>>[] } | null;
  readonly jwksUri: string | null;
  /** The `aud` of its assertions: the issuer alone, or the token endpoint's URL too. */
  readonly assertionAudience: 'issuer' | 'issuer_or_token_endpoint';
  /** The one algorithm of its assertions (OIDC Registration §2 `token_endpoint_auth_signing_alg`); null: each that its keys are good for. */
  readonly assertionAlg: ClientJwsAlg | null;
  readonly postLogoutRedirectUris: readonly string[];
  readonly backchannelLogoutUri: string | null;
  readonly backchannelLogoutSessionRequired: boolean;
  /** Seconds; OIDC Registration §2. */
  readonly defaultMaxAge: number | null;
  /** Null: what the server's settings say. */
  readonly refreshIdleSeconds: number | null;
  readonly refreshAbsoluteSeconds: number | null;
  /** A refresh gives another refresh token; off, the same one (RFC 9700 §2.2.2). */
  readonly refreshRotation: boolean;
  readonly clientUri: string | null;
  readonly logoUri: string | null;
  readonly policyUri: string | null;
  readonly tosUri: string | null;
  /** For the operator's eyes: what a program that registered itself said of itself. */
  readonly contacts: readonly string[];
  readonly softwareId: string | null;
  readonly softwareVersion: string | null;
}

const defaults: ClientSettings = {
  pkce: 'on',
  requirePushed: false,
  askConsent: false,
  dpopBound: false,
  idTokenAlg: 'RS256',
  permissionsIn: 'userinfo',
  userinfoAlg: null,
  jwks: null,
  jwksUri: null,
  assertionAudience: 'issuer',
  assertionAlg: null,
  postLogoutRedirectUris: [],
  backchannelLogoutUri: null,
  backchannelLogoutSessionRequired: true,
  defaultMaxAge: null,
  refreshIdleSeconds: null,
  refreshAbsoluteSeconds: null,
  refreshRotation: true,
  clientUri: null,
  logoUri: null,
  policyUri: null,
  tosUri: null,
  contacts: [],
  softwareId: null,
  softwareVersion: null,
};

/** A client's settings, the standard ones where it has none of its own. */
export function clientSettings(client: { readonly settings: Partial<ClientSettings> }): ClientSettings {
  return { ...defaults, ...client.settings };
}

/** What differs from the standard: all that is stored, so that a standard that changes reaches whoever never chose. */
export function storedSettings(settings: ClientSettings): Partial<ClientSettings> {
  const changed = Object.entries(settings).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(defaults[name as keyof ClientSettings]),
  );
  return Object.fromEntries(changed);
}

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

/** Where stock libraries that know PKCE and leave it off have it turned on. `docs/compatibility.md` has all that was tried. */
export const PKCE_SETTINGS = [
  { library: 'mozilla-django-oidc', setting: 'OIDC_USE_PKCE = True' },
  { library: 'django-allauth', setting: 'OAUTH_PKCE_ENABLED: True' },
  { library: 'social-auth-app-django', setting: 'SOCIAL_AUTH_<NAME>_USE_PKCE = True' },
  { library: 'next-auth', setting: "checks: ['pkce', 'state']" },
  { library: 'oauth2-proxy', setting: '--code-challenge-method=S256' },
  { library: 'mod_auth_openidc', setting: 'OIDCPKCEMethod S256' },
  { library: 'Authlib', setting: "code_challenge_method: 'S256'" },
  { library: 'requests-oauthlib', setting: "pkce='S256'" },
  { library: '@fastify/oauth2', setting: "pkce: 'S256'" },
  { library: 'golang.org/x/oauth2', setting: 'S256ChallengeOption' },
  { library: 'omniauth_openid_connect', setting: 'pkce: true' },
] as const;

/** The settings, for a line of text. */
export function pkceSettings(): string {
  return PKCE_SETTINGS.map(({ library, setting }) => `${setting} (${library})`).join(', ');
}
