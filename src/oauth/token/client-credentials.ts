import type { KnownAccess } from '../../access/index.ts';
import { clientHolder } from '../clients/holder.ts';
import type { Grant } from './grant.ts';

/** RFC 6749 §4.4: a client asks for itself. `sub` is its client id, which no user's `sub` can equal; no refresh token. */
export function clientCredentials(access: KnownAccess): Grant {
  return {
    type: 'client_credentials',
    needsConfidentialClient: true,
    async authorize({ client, api, form, now }) {
      const rights = await access.rights(clientHolder(client), api, now);
      // A client is never superuser or staff. Scopes matter to an API that takes permissions as scopes.
      return { subject: { id: client.clientId }, rights, session: null, scope: form['scope'] };
    },
  };
}
