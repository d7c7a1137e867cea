import type { Alg } from '../../tokens/index.ts';
import type { ClientJwsAlg } from '../client-jws.ts';

/**
 * How a client protects its authorization codes (RFC 7636, RFC 9700 §2.1.1). `on`: by PKCE. `if-sent`: by PKCE, or by
 * the `nonce` of an OpenID Connect request. `off`: optionally. A public client is always `on`.
 */
export const PKCE_RULES = ['on', 'if-sent', 'off'] as const;
export type PkceRule = (typeof PKCE_RULES)[number];

/**
 * The settings of a client besides its preset. Names follow RFC 7591 §2 and OpenID Connect Registration where they have
 * one.
 */
export interface ClientSettings {
  readonly pkce: PkceRule;
  /** RFC 9126 §6. */
  readonly requirePushed: boolean;
  /** A first-party client does not ask its users for consent, unless this is set. */
  readonly askConsent: boolean;
  /** RFC 9449 §5.2: all tokens are bound to a key. */
  readonly dpopBound: boolean;
  readonly idTokenAlg: Alg;
  /** Where the scope `permissions` adds its claims: at userinfo alone, or in the ID token as well. */
  readonly permissionsIn: 'userinfo' | 'id_token';
  /** Null: userinfo is JSON. */
  readonly userinfoAlg: Alg | null;
  /** `private_key_jwt`: the keys, or their URL. */
  readonly jwks: { readonly keys: readonly Readonly<Record<string, unknown>>[] } | null;
  readonly jwksUri: string | null;
  /** Accepted `aud` of its assertions: the issuer alone, or the token endpoint's URL too. */
  readonly assertionAudience: 'issuer' | 'issuer_or_token_endpoint';
  /**
   * The algorithm of its assertions (OIDC Registration §2 `token_endpoint_auth_signing_alg`); null: any that its keys
   * support.
   */
  readonly assertionAlg: ClientJwsAlg | null;
  readonly postLogoutRedirectUris: readonly string[];
  readonly backchannelLogoutUri: string | null;
  readonly backchannelLogoutSessionRequired: boolean;
  /** Seconds; OIDC Registration §2. */
  readonly defaultMaxAge: number | null;
  /** Null: the server's setting. */
  readonly refreshIdleSeconds: number | null;
  readonly refreshAbsoluteSeconds: number | null;
  /** Whether a refresh returns a new refresh token; off: the same one (RFC 9700 §2.2.2). */
  readonly refreshRotation: boolean;
  readonly clientUri: string | null;
  readonly logoUri: string | null;
  readonly policyUri: string | null;
  readonly tosUri: string | null;
  /** For operators: unverified metadata of a program that registered itself. */
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

/** Returns a client's settings, with the defaults where it has none. */
export function clientSettings(client: { readonly settings: Partial<ClientSettings> }): ClientSettings {
  return { ...defaults, ...client.settings };
}

/**
 * Returns the settings that differ from the defaults. Only these are stored, so a changed default reaches every client
 * that has not set its own value.
 */
export function storedSettings(settings: ClientSettings): Partial<ClientSettings> {
  const changed = Object.entries(settings).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(defaults[name as keyof ClientSettings]),
  );
  return Object.fromEntries(changed);
}

/**
 * Returns a client's settings under the names of RFC 7591 §2, RFC 9126 §6, RFC 9449 §5.2 and OpenID Connect
 * Registration §2.
 */
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

/**
 * How to turn PKCE on in libraries that support it and leave it off by default. `docs/compatibility.md` lists all that
 * were tested.
 */
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

/** The settings as one line of text. */
export function pkceSettings(): string {
  return PKCE_SETTINGS.map(({ library, setting }) => `${setting} (${library})`).join(', ');
}
