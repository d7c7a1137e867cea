import type { AuditContext } from '../audit/index.ts';
import { changeCatalogue, defaultPermissions, ensureOwnApi } from '../permissions/index.ts';
import type { Database } from '../platform/database/index.ts';

/** What Signet's own administration is guarded by: the models of its rooms, with Django's four permissions each. */
const ownModels: Record<string, string[]> = {
  auth: ['user', 'group', 'permission', 'session'],
  oauth: ['client', 'api', 'signingkey'],
  audit: ['logentry'],
};

/** What belongs to no model: acting for somebody else (RFC 8693), which is written down every time. */
const impersonating = { app: 'auth', codename: 'impersonate_user', label: 'Can act as another user' };

/** Brings the database to what this version expects: migrations, then Signet's own API. Answers the migrations applied. */
export async function prepareDatabase(db: Database, audit: AuditContext): Promise<string[]> {
  const applied = await db.migrations.apply();
  await db.fork().transactional(async (tx) => {
    const api = await ensureOwnApi(tx);
    const specs = Object.entries(ownModels).flatMap(([app, models]) =>
      models.flatMap((model) => defaultPermissions(app, model)),
    );
    await changeCatalogue(tx, audit, api, [...specs, impersonating]);
  });
  return applied;
}
