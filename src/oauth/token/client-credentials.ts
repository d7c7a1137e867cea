import type { PermissionCache } from '../../permissions/index.ts';
import { USER_SCOPES } from '../../tokens/index.ts';
import { clientPrincipal } from '../clients/cache.ts';
import { requireAllowedScope, scopeNames } from '../requested-scope.ts';
import type { GrantType } from './grant-type.ts';

/**
 * The client credentials grant (RFC 6749 §4.4). `sub` is the client id, which no user's `sub` can equal; no refresh
 * token.
 */
export function clientCredentialsGrant(access: PermissionCache): GrantType {
  return {
    type: 'client_credentials',
    needsConfidentialClient: true,
    async authorize({ client, form, now, target, ownIndex }) {
      const api = await target();
      const principal = clientPrincipal(client);
      const rights = await access.rights(principal, api, now);
      const names = scopeNames(form['scope']);
      // Scopes of OpenID are valid, but have no effect without a user.
      requireAllowedScope(
        names,
        names.filter((one) => USER_SCOPES.includes(one) || rights.permissions.has(one)),
      );
      // A client is never superuser or staff. Scopes matter to an API that takes permissions as scopes.
      const subject = { id: client.clientId };
      const owner = { kind: 'principal', id: client.id, principal: client.id, api: api.id, endsAt: null } as const;
      return {
        api,
        subject,
        principal,
        rights,
        session: null,
        scope: form['scope'],
        owner,
        statusIndex: ownIndex?.api === api.id ? ownIndex.statusIndex : null,
      };
    },
  };
}
