import type { SqlEntityManager } from '@mikro-orm/sql';
import { difference, recordChange } from '../../audit/index.ts';
import { bumpPrincipals, createPrincipal } from '../../permissions/index.ts';
import { casefoldName } from '../../platform/casefold.ts';
import { requireNoAudience } from '../api-rules/index.ts';
import { auditObject, auditSnapshot } from '../clients/audit.ts';
import type { LiveClient } from '../clients/cache.ts';
import { lockClient } from '../clients/clients.ts';
import { Client, ClientApi } from '../entities.ts';

/**
 * Stores the client of a document in the transaction in which a user consents: with the document's values and the API
 * of the consent, without permissions, never first-party. Returns its principal.
 */
export async function storeConsentedClient(
  tx: SqlEntityManager,
  client: Pick<LiveClient, 'clientId' | 'name' | 'redirectUris' | 'grantTypes' | 'preset' | 'authMethod'>,
  consent: { readonly user: { readonly id: string; readonly username: string }; readonly api: string | null },
  now: Date,
): Promise<string> {
  // Of two users who consent at once, one stores the client; the other waits here and finds it.
  await requireNoAudience(tx, client.clientId);
  const audit = { at: now, actor: { kind: 'user', id: consent.user.id, label: consent.user.username } } as const;
  const { clientId, preset, authMethod } = client;
  const metadata = {
    name: client.name.normalize('NFKC'),
    nameKey: `${casefoldName(client.name)} ${clientId}`,
    redirectUris: [...client.redirectUris],
    grantTypes: [...client.grantTypes],
  };
  const existing = await tx.findOne(Client, { clientId });
  let id = existing?.id;
  if (existing) {
    const row = await lockClient(tx, existing);
    const before = auditSnapshot(row);
    Object.assign(row, metadata);
    const changed = difference(before, auditSnapshot(row));
    if (changed) {
      recordChange(tx, audit, { action: 'change', object: auditObject(row), ...changed });
      await tx.flush();
      await bumpPrincipals(tx, [row.id]);
    }
  } else {
    id = createPrincipal(tx, 'client');
    const shape = { ...metadata, id, clientId, preset, authMethod, isDynamic: true, settings: {}, createdAt: now };
    const row = tx.create(Client, shape);
    tx.persist(row);
    recordChange(tx, audit, { action: 'add', object: auditObject(row), after: auditSnapshot(row) });
    await tx.flush();
  }
  await addApi(tx, id as string, consent.api);
  return id as string;
}

async function addApi(tx: SqlEntityManager, client: string, api: string | null): Promise<void> {
  if (api === null || (await tx.count(ClientApi, { client, api, role: 'requests' })) > 0) return;
  tx.persist(tx.create(ClientApi, { client, api, role: 'requests' }));
  await tx.flush();
  await bumpPrincipals(tx, [client]);
}
