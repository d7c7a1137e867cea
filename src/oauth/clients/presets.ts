import type { Client } from '../entities.ts';

export type Preset = Client['preset'];
type Shape = Pick<Client, 'authMethod' | 'grantTypes'>;

/** The grant types that a client may have, by the short names of the command line. */
export const grantNames = {
  code: 'authorization_code',
  refresh: 'refresh_token',
  'client-credentials': 'client_credentials',
  device: 'urn:ietf:params:oauth:grant-type:device_code',
  'token-exchange': 'urn:ietf:params:oauth:grant-type:token-exchange',
} as const;

/** The kinds of clients, with the authentication method and grant types of each. */
export const presets: Record<Preset, Shape> = {
  web: { authMethod: 'client_secret', grantTypes: ['authorization_code', 'refresh_token'] },
  spa: { authMethod: 'none', grantTypes: ['authorization_code', 'refresh_token'] },
  native: { authMethod: 'none', grantTypes: ['authorization_code', 'refresh_token'] },
  service: { authMethod: 'client_secret', grantTypes: ['client_credentials'] },
  device: { authMethod: 'none', grantTypes: [grantNames.device, 'refresh_token'] },
  mcp: { authMethod: 'none', grantTypes: ['authorization_code', 'refresh_token'] },
};
