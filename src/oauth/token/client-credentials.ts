import type { PermissionCache } from '../../permissions/index.ts';
import { USER_SCOPES } from '../../tokens/index.ts';
import { clientPrincipal } from '../clients/cache.ts';
import { requireAllowedScope, scopeNames } from '../requested-scope.ts';
import type { GrantType } from './grant-type.ts';

/** RFC 6749 §4.4: a client asks for itself. `sub` is its client id, which no user's `sub` can equal; no refresh token. */
export function clientCredentialsGrant(access: PermissionCache): GrantType {
  return {
    type: 'client_credentials',
    needsConfidentialClient: true,
    async authorize({ client, form, now, target, seen }) {
      const api = await target();
      const principal = clientPrincipal(client);
      const rights = await access.rights(principal, api, now);
      const names = scopeNames(form['scope']);
      // OpenID's scopes are known, and say nothing where there is no user.
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
        statusIndex: seen?.api === api.id ? seen.statusIndex : null,
      };
    },
  };
}
