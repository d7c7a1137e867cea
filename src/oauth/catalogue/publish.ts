import type { SqlEntityManager } from '@mikro-orm/sql';
import type { AuditContext } from '../../audit/index.ts';
import {
  type Api,
  apiView,
  changeCatalogue,
  type FormerAssignee,
  formerAssignees,
  listPermissions,
  MAX_PERMISSIONS,
  type PermissionSpec,
  permissionError,
} from '../../permissions/index.ts';
import { readUsernames } from '../../users/index.ts';
import { readClientIds } from '../clients/lookup.ts';

/** A direct assignment that ended because its permission was removed. */
export interface RemovedAssignment {
  readonly permission: string;
  readonly kind: FormerAssignee['kind'];
  readonly id: string;
  /** A username, a client id or the name of a group. */
  readonly name: string;
}

export interface Publication {
  readonly version: number;
  readonly hash: string;
  readonly added: string[];
  readonly relabelled: string[];
  readonly removed: string[];
  /** In the catalogue but not in the published list. */
  readonly kept: string[];
  /** Direct assignments of the removed permissions. */
  readonly holders: RemovedAssignment[];
}

/**
 * Publishes an API's permissions in the caller's transaction and returns what changed: new ones are added; missing ones
 * are kept, or with `prune` removed. Throws `catalogue_too_large`.
 */
export async function publishCatalogue(
  tx: SqlEntityManager,
  audit: AuditContext,
  api: Pick<Api, 'id' | 'audience'>,
  specs: readonly PermissionSpec[],
  { prune }: { prune: boolean },
): Promise<Publication> {
  const change = await changeCatalogue(tx, audit, api, specs, { prune });
  const current = await listPermissions(tx, api.id);
  if (current.length > MAX_PERMISSIONS)
    throw permissionError('catalogue_too_large', {
      audience: api.audience,
      count: current.length,
      max: MAX_PERMISSIONS,
    });
  const published = new Set(specs.map((one) => `${one.app}.${one.codename}`));
  const assignees = change.removed.length > 0 ? await formerAssignees(tx, api.id, change.version) : [];
  const { hash } = await readCatalogueHash(tx, api.id);
  return {
    version: change.version,
    hash,
    added: change.added,
    relabelled: change.relabelled,
    removed: change.removed.toSorted(),
    kept: current.map((one) => one.name).filter((name) => !published.has(name)),
    holders: await labelAssignees(tx, assignees),
  };
}

async function readCatalogueHash(tx: SqlEntityManager, apiId: string): Promise<{ hash: string }> {
  const [row] = await tx.execute<{ hash: string }[]>(
    `select a.catalogue_hash as hash from ${apiView('a')} where a.id = ?`,
    [apiId],
  );
  return row as { hash: string };
}

async function labelAssignees(
  tx: SqlEntityManager,
  assignees: readonly FormerAssignee[],
): Promise<RemovedAssignment[]> {
  const assigneeIds = (kind: FormerAssignee['kind']) => [
    ...new Set(assignees.filter((one) => one.kind === kind).map((one) => one.id)),
  ];
  const names = new Map([
    ...(await readUsernames(tx, assigneeIds('user'))),
    ...(await readClientIds(tx, assigneeIds('client'))),
  ]);
  return assignees.map(({ permission, kind, id, group }) => ({
    permission,
    kind,
    id,
    name: group ?? names.get(id) ?? id,
  }));
}

/** Runs a publication and rolls it back: returns what it would change. */
export async function dryRunPublication<T>(
  em: SqlEntityManager,
  work: (tx: SqlEntityManager) => Promise<T>,
): Promise<T> {
  let outcome: { readonly is: T } | undefined;
  try {
    await em.transactional(async (tx) => {
      outcome = { is: await work(tx) };
      throw new DryRunRollback();
    });
  } catch (error) {
    if (!(error instanceof DryRunRollback)) throw error;
  }
  return (outcome as unknown as { is: T }).is;
}

class DryRunRollback extends Error {}
