import type { AuditContext } from '../audit/index.ts';
import { changeCatalogue, defaultPermissions, ensureOwnApi } from '../permissions/index.ts';
import type { Database } from '../platform/database/index.ts';

/** The models that guard Signet's own administration, with Django's four permissions each. */
const ownModels: Record<string, string[]> = {
  auth: ['user', 'group', 'permission', 'session'],
  oauth: ['client', 'api', 'signingkey'],
  audit: ['logentry'],
};

/** A permission without a model: acting as another user (RFC 8693), which is always audited. */
const impersonation = { app: 'auth', codename: 'impersonate_user', label: 'Can act as another user' };

/** Migrates the database to this version, and updates Signet's own API. Returns the names of the applied migrations. */
export async function prepareDatabase(db: Database, audit: AuditContext): Promise<string[]> {
  const applied = await db.migrations.apply();
  await db.fork().transactional(async (tx) => {
    const api = await ensureOwnApi(tx);
    const specs = Object.entries(ownModels).flatMap(([app, models]) =>
      models.flatMap((model) => defaultPermissions(app, model)),
    );
    await changeCatalogue(tx, audit, api, [...specs, impersonation]);
  });
  return applied;
}
