import type { Holder } from '../../permissions/index.ts';
import type { LiveClient } from './hot.ts';

/** The client as `access` knows one. */
export function clientHolder(client: Pick<LiveClient, 'id' | 'isActive' | 'version'>): Holder & { version: number } {
  const { id, isActive, version } = client;
  return { kind: 'client', id, isActive, isSuperuser: false, version };
}
