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
