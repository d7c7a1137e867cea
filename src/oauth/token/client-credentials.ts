import { readRights } from '../../access/index.ts';
import type { Database } from '../../platform/database/index.ts';
import { clientHolder } from '../clients/holder.ts';
import type { Grant } from './grant.ts';

/** RFC 6749 §4.4: a client asks for itself. `sub` is its client id, which no user's `sub` can equal; no refresh token. */
export function clientCredentials(db: Database): Grant {
  return {
    type: 'client_credentials',
    needsConfidentialClient: true,
    async authorize({ client, api, now }) {
      const rights = await readRights(db, clientHolder(client), api.id, now);
      // A client is never superuser or staff; OpenID's scopes are about a user.
      return { subject: { id: client.clientId }, rights, session: null, scope: undefined };
    },
  };
}
