import { randomUUIDv7 } from 'node:crypto';
import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { definePort } from '../platform/database/index.ts';
import { Group, Principal } from './entities.ts';

/** All that this wing knows of a user or client: enough to answer what it may do. */
export interface PrincipalRef {
  readonly kind: 'user' | 'client';
  readonly id: string;
  readonly isActive: boolean;
  readonly isSuperuser: boolean;
}

/** Makes the row that a new user or client shares its id with. */
export function createPrincipal(em: SqlEntityManager, kind: PrincipalRef['kind']): string {
  const id = randomUUIDv7();
  em.persist(em.create(Principal, { id, kind }));
  return id;
}

/** How rights have changed: who may do more or less, and where. */
export interface RightsChange {
  /** `removed`: what tokens say may be too much from now on; `added`: it may be too little. */
  readonly kind: 'added' | 'removed';
  /** Ids of the APIs; null for every one. */
  readonly apis: readonly string[] | null;
}

/** Whose: these principals', whose rows are locked, or everybody's. */
export type Affected =
  | { readonly principals: readonly string[] }
  /** Whoever has anything there, at this moment: the API goes. */
  | { readonly everybody: Date };

/**
 * Port: issued tokens say what was right until now. Runs in the transaction of the change; returns how many status-list entries
 * changed.
 */
export const onRightsChanged =
  definePort<(tx: SqlEntityManager, who: Affected, change: RightsChange) => Promise<number>>('onRightsChanged');

/** Gives these principals a new version and moves what their tokens say: as many as one transaction takes. Answers how many moved. */
export async function bumpAndNotify(
  tx: SqlEntityManager,
  ids: readonly string[],
  change: RightsChange,
): Promise<number> {
  if (ids.length === 0) return 0;
  await bumpPrincipals(tx, ids);
  return onRightsChanged.of(tx)(tx, { principals: ids }, change);
}

/** Says that what is known of these principals has changed, though not what they may do. Their rows stay locked. */
export async function bumpPrincipals(tx: SqlEntityManager, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.execute(
    `with held as materialized (
       select id from permissions_principal where id in (${ids.map(() => '?').join(', ')}) order by id for update
     ) update permissions_principal p set perms_version = p.perms_version + 1 from held where p.id = held.id`,
    [...ids],
  );
}

/** Says that an API goes, and with it whatever was said about anybody's rights there. */
export async function apiEnded(tx: SqlEntityManager, apiId: string, at: Date): Promise<void> {
  await onRightsChanged.of(tx)(tx, { everybody: at }, { kind: 'removed', apis: [apiId] });
}

/**
 * Holds a group's row until the end of the transaction. Whoever changes its members or its permissions does: otherwise a new
 * member and a new permission, written at the same moment, could miss each other, and the member's version with them.
 */
export function lockGroup(tx: SqlEntityManager, groupId: string): Promise<Group> {
  return tx.findOneOrFail(Group, groupId, { refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE });
}

/** Holds principals' rows until the end of the transaction, always in one order, so that two that want the same do not deadlock. */
export async function lockPrincipals(tx: SqlEntityManager, ids: readonly string[]): Promise<void> {
  const options = { refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } } as const;
  await tx.find(Principal, { id: { $in: [...ids] } }, options);
}

/**
 * Holds APIs' rows, every one for null, against whoever changes their catalogues; before groups and principals. `writes`: their
 * version may grow in this transaction.
 */
export async function lockApis(
  tx: SqlEntityManager,
  apis: readonly string[] | null,
  mode: 'reads' | 'writes',
): Promise<void> {
  if (apis?.length === 0) return;
  const where = apis === null ? '' : `where id in (${apis.map(() => '?').join(', ')})`;
  const lock = mode === 'writes' ? 'for no key update' : 'for share';
  await tx.execute(`select 1 from permissions_api ${where} order by id ${lock}`, [...(apis ?? [])]);
}
