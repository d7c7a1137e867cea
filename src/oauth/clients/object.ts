import type { Client } from '../entities.ts';

/** A client as the edit log names it. */
export function objectOf(client: Pick<Client, 'id' | 'clientId' | 'name'>) {
  return { kind: 'client', id: client.id, label: `${client.name} (${client.clientId})` };
}
