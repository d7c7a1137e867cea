import { digest } from '../../platform/digest.ts';
import { clientSettings } from '../client-settings/index.ts';
import type { Client } from '../entities.ts';

/** A client as the object of an edit log entry. */
export function auditObject(client: Pick<Client, 'id' | 'clientId' | 'name'>) {
  return { kind: 'client', id: client.id, label: `${client.name} (${client.clientId})` };
}

/** A client's values for the edit log, without secrets. Its keys are public; their digests tell them apart. */
export function auditSnapshot(client: Client) {
  const { clientId, name, preset, authMethod, grantTypes, redirectUris, isFirstParty, isDynamic, isActive } = client;
  const { jwks, ...settings } = clientSettings(client);
  return {
    ...{ clientId, name, preset, authMethod, grantTypes, redirectUris, isFirstParty, isDynamic, isActive },
    ...settings,
    jwks: jwks?.keys.map((key) => digest(JSON.stringify(Object.entries(key).sort())).toString('base64url')) ?? null,
  };
}
