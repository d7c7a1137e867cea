/** How a client authenticates; `client_secret` is both client_secret_basic and client_secret_post (RFC 7591 §2). */
export const AUTH_METHODS = ['client_secret', 'private_key_jwt', 'none'] as const;
export type AuthMethod = (typeof AUTH_METHODS)[number];

export const PRESETS = ['web', 'spa', 'native', 'service', 'device', 'mcp'] as const;
export type Preset = (typeof PRESETS)[number];

/** The grant types that a client may have, by the short names of the command line. */
export const grantNames = {
  code: 'authorization_code',
  refresh: 'refresh_token',
  'client-credentials': 'client_credentials',
  device: 'urn:ietf:params:oauth:grant-type:device_code',
  'token-exchange': 'urn:ietf:params:oauth:grant-type:token-exchange',
} as const;

/** The kinds of clients, with the authentication method and grant types of each. */
export const presets: Record<Preset, { readonly authMethod: AuthMethod; readonly grantTypes: string[] }> = {
  web: { authMethod: 'client_secret', grantTypes: ['authorization_code', 'refresh_token'] },
  spa: { authMethod: 'none', grantTypes: ['authorization_code', 'refresh_token'] },
  native: { authMethod: 'none', grantTypes: ['authorization_code', 'refresh_token'] },
  service: { authMethod: 'client_secret', grantTypes: ['client_credentials'] },
  device: { authMethod: 'none', grantTypes: [grantNames.device, 'refresh_token'] },
  mcp: { authMethod: 'none', grantTypes: ['authorization_code', 'refresh_token'] },
};
