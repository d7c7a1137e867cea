import { createHash, randomUUIDv7 } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { recordChange, type Stamp } from '../audit/index.ts';
import { Failure } from '../platform/failure.ts';
import { type Api, Model, Permission } from './entities.ts';
import { permissionHolders, rightsChanged, superusersOf } from './principal.ts';

/** A permission to register. `model` is absent for one that belongs to an app alone. */
export interface PermissionSpec {
  readonly app: string;
  readonly codename: string;
  readonly label: string;
  readonly model?: string;
}

export interface CatalogueChange {
  readonly added: string[];
  readonly relabelled: string[];
  readonly removed: string[];
  readonly version: number;
}

/** Django's four: registering a model makes these. */
const DEFAULT_ACTIONS = ['add', 'change', 'delete', 'view'] as const;

export function defaultPermissions(
  app: string,
  model: string,
  actions: readonly string[] = DEFAULT_ACTIONS,
): PermissionSpec[] {
  return actions.map((action) => ({ app, model, codename: `${action}_${model}`, label: `Can ${action} ${model}` }));
}

/**
 * Makes the catalogue of an API hold these permissions. Additive: what is not named stays, unless `prune` is set; then it
 * becomes a tombstone. Indexes are given in the order of `specs` and never again. The API's row lock makes changes of one
 * catalogue follow each other. Runs in the caller's transaction.
 */
export async function changeCatalogue(
  em: SqlEntityManager,
  stamp: Stamp,
  api: Api,
  specs: readonly PermissionSpec[],
  options: { prune?: boolean } = {},
): Promise<CatalogueChange> {
  await em.execute('select 1 from access_api where id = ? for update', [api.id]);
  await em.refresh(api);
  const models = await ensureModels(em, api, specs);
  const live = await em.find(Permission, { api: api.id, removedVersion: null });
  const byName = new Map(live.map((one) => [one.name, one]));
  const version = api.catalogueVersion + 1;
  const change = { added: [] as string[], relabelled: [] as string[], removed: [] as string[] };
  const wanted = new Set<string>();

  for (const spec of specs) {
    const name = `${spec.app}.${spec.codename}`;
    if (wanted.has(name)) continue;
    wanted.add(name);
    const existing = byName.get(name);
    if (!existing) {
      const model = spec.model === undefined ? null : (models.get(modelKey(spec.app, spec.model)) ?? null);
      const index = api.nextIndex++;
      em.persist(
        em.create(Permission, {
          id: randomUUIDv7(),
          api: api.id,
          model,
          name,
          label: spec.label,
          index,
          addedVersion: version,
        }),
      );
      change.added.push(name);
    } else if (existing.label !== spec.label) {
      existing.label = spec.label;
      change.relabelled.push(name);
    }
  }
  const pruned = options.prune ? live.filter((one) => !wanted.has(one.name)) : [];
  for (const one of pruned) {
    one.removedVersion = version;
    change.removed.push(one.name);
  }
  if (change.added.length + change.removed.length > 0) {
    api.catalogueVersion = version;
    await em.flush();
    api.catalogueHash = await hashCatalogue(em, api.id);
    // A superuser's token lists every permission of the API, so an addition changes what it says too.
    await rightsChanged(em, [
      ...new Set([
        ...(await permissionHolders(
          em,
          pruned.map((one) => one.id),
        )),
        ...(await superusersOf(em, api.id)),
      ]),
    ]);
  }
  if (change.added.length + change.removed.length + change.relabelled.length > 0)
    recordChange(em, stamp, {
      action: 'change',
      object: { kind: 'catalogue', id: api.id, label: api.audience },
      after: { ...change, version: api.catalogueVersion },
    });
  await em.flush();
  return { ...change, version: api.catalogueVersion };
}

/** SHA-256, base64url, over the lines `index TAB name LF` in index order; a removed permission has an empty name. */
export function catalogueHash(rows: readonly { index: number; name: string; isRemoved: boolean }[]): string {
  const hash = createHash('sha256');
  for (const { index, name, isRemoved } of rows) hash.update(`${index}\t${isRemoved ? '' : name}\n`, 'utf8');
  return hash.digest('base64url');
}

async function hashCatalogue(em: SqlEntityManager, apiId: string): Promise<string> {
  const rows = await em.find(Permission, { api: apiId }, { orderBy: { index: 'asc' } });
  return catalogueHash(
    rows.map((one) => ({
      index: one.index,
      name: one.name,
      isRemoved: one.removedVersion !== null && one.removedVersion !== undefined,
    })),
  );
}

async function ensureModels(
  em: SqlEntityManager,
  api: Api,
  specs: readonly PermissionSpec[],
): Promise<Map<string, string>> {
  const ids = new Map(
    (await em.find(Model, { api: api.id })).map((one) => [modelKey(one.appLabel, one.model), one.id]),
  );
  for (const { app, model } of specs) {
    if (model === undefined || ids.has(modelKey(app, model))) continue;
    const id = randomUUIDv7();
    em.persist(em.create(Model, { id, api: api.id, appLabel: app, model }));
    ids.set(modelKey(app, model), id);
  }
  return ids;
}

function modelKey(app: string, model: string): string {
  return `${app}.${model}`;
}

export function listPermissions(em: SqlEntityManager, apiId: string): Promise<Permission[]> {
  return em.find(Permission, { api: apiId, removedVersion: null }, { orderBy: { index: 'asc' } });
}

export async function listModels(em: SqlEntityManager, apiId: string): Promise<Model[]> {
  return em.find(Model, { api: apiId }, { orderBy: { appLabel: 'asc', model: 'asc' } });
}

/** The live permissions of these names, in the order given. Failure: the names that the API does not have. */
export async function getPermissions(em: SqlEntityManager, api: Api, names: readonly string[]): Promise<Permission[]> {
  const found = new Map(
    (await em.find(Permission, { api: api.id, name: { $in: [...names] }, removedVersion: null })).map((one) => [
      one.name,
      one,
    ]),
  );
  const missing = names.filter((name) => !found.has(name));
  if (missing.length > 0)
    throw new Failure(
      'notFound',
      `The API ${api.audience} has no permission ${missing.join(', ')}. See: npx signet api show ${api.audience}`,
    );
  return [...new Set(names)].map((name) => found.get(name) as Permission);
}
