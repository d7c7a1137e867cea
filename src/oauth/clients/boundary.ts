import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChange } from '../../audit/index.ts';
import { apiView, bumpPrincipals, livePermission, type Permission, permissionView } from '../../permissions/index.ts';
import { updateClientStatuses } from '../../tokens/index.ts';
import { type Client, ClientBoundary } from '../entities.ts';
import { auditObject } from './audit.ts';
import { lockClient } from './clients.ts';

/**
 * Adds permissions to a client's boundary (docs/oauth.md) and returns the names that were not in it before. A permission
 * that is removed from its API drops out by itself: readers of the boundary select live permissions only.
 */
export function allowPermissions(
  em: SqlEntityManager,
  audit: AuditContext,
  ref: Pick<Client, 'id'>,
  permissions: readonly Permission[],
): Promise<string[]> {
  return changeBoundary(em, audit, ref, permissions, 'added');
}

/**
 * Removes permissions from a client's boundary and returns the names that were in it. Consents of users stay: the
 * boundary limits them at every use.
 */
export function disallowPermissions(
  em: SqlEntityManager,
  audit: AuditContext,
  ref: Pick<Client, 'id'>,
  permissions: readonly Permission[],
): Promise<string[]> {
  return changeBoundary(em, audit, ref, permissions, 'removed');
}

function changeBoundary(
  em: SqlEntityManager,
  audit: AuditContext,
  ref: Pick<Client, 'id'>,
  permissions: readonly Permission[],
  kind: 'added' | 'removed',
): Promise<string[]> {
  return em.transactional(async (tx) => {
    const client = await lockClient(tx, ref);
    const rows = await tx.find(ClientBoundary, { client: client.id }, { disableIdentityMap: true });
    const existing = new Set(rows.map((one) => one.permission));
    const changed = permissions.filter((one) => existing.has(one.id) === (kind === 'removed'));
    if (changed.length === 0) return [];
    const ids = changed.map((one) => one.id);
    if (kind === 'added')
      for (const permission of ids) tx.persist(tx.create(ClientBoundary, { client: client.id, permission }));
    else await tx.nativeDelete(ClientBoundary, { client: client.id, permission: { $in: ids } });
    const names = changed.map((one) => one.name);
    const values = { [kind === 'added' ? 'after' : 'before']: { boundary: names } };
    recordChange(tx, audit, { action: 'change', object: auditObject(client), ...values });
    await tx.flush();
    await bumpPrincipals(tx, [client.id]);
    // The boundary does not limit a first-party client.
    if (!client.isFirstParty)
      await updateClientStatuses(tx, client.id, { kind, apis: [...new Set(changed.map((one) => one.api))] });
    return names;
  });
}

/** Returns the boundary of a client: names of live permissions by the audience of their API. */
export async function readBoundary(
  em: SqlEntityManager,
  client: Pick<Client, 'id'>,
): Promise<Record<string, string[]>> {
  const rows = await em.execute<{ audience: string; name: string }[]>(
    `select a.audience, q.name from oauth_client_boundary x join ${permissionView('q')} on q.id = x.permission_id
     join ${apiView('a')} on a.id = q.api_id where x.client_id = ? and ${livePermission()}
     order by a.audience collate "C", q.name collate "C"`,
    [client.id],
  );
  const byApi = Map.groupBy(rows, (row) => row.audience);
  return Object.fromEntries([...byApi].map(([audience, those]) => [audience, those.map((one) => one.name)]));
}
