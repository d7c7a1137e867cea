import type { Client } from '../entities.ts';

export type Preset = Client['preset'];
type Shape = Pick<Client, 'authMethod' | 'grantTypes'>;

/** What kind of program a client is, and what follows from it. Grants that do not exist yet are stored and refused. */
export const presets: Record<Preset, Shape & { readonly needsRedirect: boolean }> = {
  web: { authMethod: 'client_secret', grantTypes: ['authorization_code', 'refresh_token'], needsRedirect: true },
  spa: { authMethod: 'none', grantTypes: ['authorization_code', 'refresh_token'], needsRedirect: true },
  native: { authMethod: 'none', grantTypes: ['authorization_code', 'refresh_token'], needsRedirect: true },
  service: { authMethod: 'client_secret', grantTypes: ['client_credentials'], needsRedirect: false },
  device: {
    authMethod: 'none',
    grantTypes: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
    needsRedirect: false,
  },
  mcp: { authMethod: 'none', grantTypes: ['authorization_code', 'refresh_token'], needsRedirect: true },
};
