import { createHash, randomUUIDv7 } from 'node:crypto';
import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChange } from '../audit/index.ts';
import { announce, type Topic } from '../platform/database/index.ts';
import { Api, CatalogueVersion, Model, Permission } from './entities.ts';
import { permissionError } from './errors.ts';
import { invalidateRightsByQuery, principalsWithPermissions, superusersAt } from './invalidate.ts';

/** A permission to register. `model` is absent for one that belongs to an app only. */
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

/** Django's default permissions of a model. */
const DEFAULT_ACTIONS = ['add', 'change', 'delete', 'view'] as const;

export function defaultPermissions(
  app: string,
  model: string,
  actions: readonly string[] = DEFAULT_ACTIONS,
): PermissionSpec[] {
  return actions.map((action) => ({ app, model, codename: `${action}_${model}`, label: `Can ${action} ${model}` }));
}

/**
 * Adds these permissions to the catalogue of an API. Other permissions stay, unless `prune` is set: then they are marked as removed.
 * Indexes are assigned in the order of `specs` and never reused. The API's row lock serialises changes of one catalogue. Runs in one
 * transaction or as part of the caller's. A caller that takes other locks afterwards passes `announces: false` and calls
 * `announceCatalogueChange` at its end.
 */
export function changeCatalogue(
  em: SqlEntityManager,
  audit: AuditContext,
  { id }: Pick<Api, 'id'>,
  specs: readonly PermissionSpec[],
  options: { prune?: boolean; announces?: boolean } = {},
): Promise<CatalogueChange> {
  return em.transactional(async (tx) => {
    const api = await tx.findOneOrFail(Api, id, { refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE });
    const live = await tx.find(Permission, { api: api.id, removedVersion: null });
    const { added, relabelled, specNames } = compareSpecs(live, specs);
    const removed = options.prune ? live.filter((one) => !specNames.has(one.name)) : [];

    for (const [permission, label] of relabelled) permission.label = label;
    const names = (permissions: readonly { name: string }[]) => permissions.map((one) => one.name);
    if (added.length + removed.length > 0) {
      api.catalogueVersion += 1;
      for (const one of removed) one.removedVersion = api.catalogueVersion;
      await addPermissions(tx, api, added);
      await tx.flush();
      api.catalogueHash = await hashCatalogue(tx, api.id);
      const version = { version: api.catalogueVersion, hash: api.catalogueHash, length: api.nextIndex };
      tx.persist(tx.create(CatalogueVersion, { api: api.id, ...version }));
      await invalidateCatalogueChange(tx, api, removed);
    }
    const change = {
      added: added.map(permissionName),
      relabelled: names(relabelled.map(([permission]) => permission)),
      removed: names(removed),
      version: api.catalogueVersion,
    };
    const isChanged = change.added.length + change.removed.length + change.relabelled.length > 0;
    if (isChanged) {
      const object = { kind: 'catalogue', id: api.id, label: api.audience };
      recordChange(tx, audit, { action: 'change', object, after: change });
    }
    await tx.flush();
    if (isChanged && options.announces !== false) await announceCatalogueChange(tx);
    return change;
  });
}

/**
 * Principals with a removed permission lose it. A superuser's token lists every permission of the API, so an addition changes it
 * too. The version of the API grows by itself, because its row changes.
 */
async function invalidateCatalogueChange(
  tx: SqlEntityManager,
  api: Api,
  removed: readonly Permission[],
): Promise<void> {
  const holders = principalsWithPermissions(removed.map((one) => one.id));
  const superusers = superusersAt(api.id);
  const others = {
    sql: `${superusers.sql} except (${holders.sql})`,
    values: [...superusers.values, ...holders.values],
  };
  // Before the removals, because a transaction announces its changes last.
  await invalidateRightsByQuery(tx, others, { kind: 'added', apis: [api.id] }, []);
  if (removed.length > 0) await invalidateRightsByQuery(tx, holders, { kind: 'removed', apis: [api.id] }, []);
}

/** The catalogues, and the settings of APIs that their documents have. */
export const CATALOGUE_TOPIC: Topic = { name: 'catalogue' };

/** Clears the catalogue cache of every process when this transaction ends. Call it last: see `announce`. */
export async function announceCatalogueChange(tx: SqlEntityManager): Promise<void> {
  await announce(tx, CATALOGUE_TOPIC);
}

function permissionName({ app, codename }: PermissionSpec): string {
  return `${app}.${codename}`;
}

/** Returns the new specs, the permissions with another label, and all names. The first of two specs with one name counts. */
function compareSpecs(live: readonly Permission[], specs: readonly PermissionSpec[]) {
  const byName = new Map(live.map((one) => [one.name, one]));
  const added: PermissionSpec[] = [];
  const relabelled: [Permission, string][] = [];
  const specNames = new Set<string>();
  for (const spec of specs) {
    const name = permissionName(spec);
    if (specNames.has(name)) continue;
    specNames.add(name);
    const existing = byName.get(name);
    if (!existing) added.push(spec);
    else if (existing.label !== spec.label) relabelled.push([existing, spec.label]);
  }
  return { added, relabelled, specNames };
}

async function addPermissions(tx: SqlEntityManager, api: Api, specs: readonly PermissionSpec[]): Promise<void> {
  const models = await ensureModels(tx, api, specs);
  for (const spec of specs) {
    const model = spec.model === undefined ? null : (models.get(modelKey(spec.app, spec.model)) ?? null);
    const fields = { api: api.id, model, name: permissionName(spec), label: spec.label };
    const position = { index: api.nextIndex++, addedVersion: api.catalogueVersion };
    tx.persist(tx.create(Permission, { id: randomUUIDv7(), ...fields, ...position }));
  }
}

/** SHA-256, base64url, over the lines `index TAB name LF` in index order; a removed permission has an empty name. */
export function catalogueHash(rows: readonly { index: number; name: string; isRemoved: boolean }[]): string {
  const hash = createHash('sha256');
  for (const { index, name, isRemoved } of rows) hash.update(`${index}\t${isRemoved ? '' : name}\n`, 'utf8');
  return hash.digest('base64url');
}

async function hashCatalogue(em: SqlEntityManager, apiId: string): Promise<string> {
  const rows = await listPermissionHistory(em, apiId);
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

/** Returns live and removed permissions. */
export function listPermissionHistory(em: SqlEntityManager, apiId: string): Promise<Permission[]> {
  return em.find(Permission, { api: apiId }, { orderBy: { index: 'asc' } });
}

export async function listModels(em: SqlEntityManager, apiId: string): Promise<Model[]> {
  return em.find(Model, { api: apiId }, { orderBy: { appLabel: 'asc', model: 'asc' } });
}

/** Returns the live permissions of these names in the given order. Throws `permissions_not_found` with the names that the API does not have. */
export async function getPermissions(em: SqlEntityManager, api: Api, names: readonly string[]): Promise<Permission[]> {
  const found = new Map(
    (await em.find(Permission, { api: api.id, name: { $in: [...names] }, removedVersion: null })).map((one) => [
      one.name,
      one,
    ]),
  );
  const missing = names.filter((name) => !found.has(name));
  if (missing.length > 0) throw permissionError('permissions_not_found', { audience: api.audience, names: missing });
  return [...new Set(names)].map((name) => found.get(name) as Permission);
}
