import type { Holder } from '../../access/index.ts';
import type { LiveClient } from './hot.ts';

/** The client as `access` knows one. */
export function clientHolder(client: Pick<LiveClient, 'id' | 'isActive'>): Holder {
  return { kind: 'client', id: client.id, isActive: client.isActive, isSuperuser: false };
}
