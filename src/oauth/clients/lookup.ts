import type { Database } from '../../platform/database/index.ts';
import type { ClientLookup } from '../../tokens/index.ts';
import { clientHolder } from './holder.ts';
import { findClient } from './hot.ts';

/** What `tokens` asks of this room: the client while it is active. */
export function clientLookup(db: Database): ClientLookup {
  return async (clientId, now) => {
    const client = await findClient(db, clientId, now);
    return client?.isActive ? clientHolder(client) : null;
  };
}
