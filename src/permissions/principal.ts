import { randomUUIDv7 } from 'node:crypto';
import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { definePort, placeholders } from '../platform/database/index.ts';
import { Group, Principal } from './entities.ts';

/** A user or client, with the fields needed to evaluate its rights. */
export interface PrincipalRef {
  readonly kind: 'user' | 'client';
  readonly id: string;
  readonly isActive: boolean;
  readonly isSuperuser: boolean;
}

/** Creates the principal of a new user or client and returns its id, which both share. */
export function createPrincipal(em: SqlEntityManager, kind: PrincipalRef['kind']): string {
  const id = randomUUIDv7();
  em.persist(em.create(Principal, { id, kind }));
  return id;
}

/** The direction and the APIs of a change of rights. */
export interface RightsChange {
  /** `removed`: tokens may contain too many permissions; `added`: too few. */
  readonly kind: 'added' | 'removed';
  /** Ids of the APIs; null for every one. */
  readonly apis: readonly string[] | null;
}

/** The principals that a change of rights affects. */
export type AffectedPrincipals =
  /** Ids; their rows are locked. */
  | { readonly principals: readonly string[] }
  /** Every principal, because the API was deleted at this time. */
  | { readonly apiDeletedAt: Date };

/** Port: updates the statuses of issued tokens, in the transaction of the change. Returns how many status-list entries changed. */
export const onRightsChanged =
  definePort<(tx: SqlEntityManager, affected: AffectedPrincipals, change: RightsChange) => Promise<number>>(
    'onRightsChanged',
  );

/** Invalidates rights and tokens of these principals without batches. Returns how many status-list entries changed. */
export async function invalidateNow(
  tx: SqlEntityManager,
  ids: readonly string[],
  change: RightsChange,
): Promise<number> {
  if (ids.length === 0) return 0;
  await bumpPrincipals(tx, ids);
  return onRightsChanged.of(tx)(tx, { principals: ids }, change);
}

/** Increments the versions of these principals, which invalidates cached rights but changes no token. Their rows stay locked. */
export async function bumpPrincipals(tx: SqlEntityManager, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.execute(
    `with held as materialized (
       select id from permissions_principal where id in (${placeholders(ids.length)}) order by id for update
     ) update permissions_principal p set perms_version = p.perms_version + 1 from held where p.id = held.id`,
    [...ids],
  );
}

/** Ends all tokens for an API that is being deleted. */
export async function notifyApiDeleted(tx: SqlEntityManager, apiId: string, at: Date): Promise<void> {
  await onRightsChanged.of(tx)(tx, { apiDeletedAt: at }, { kind: 'removed', apis: [apiId] });
}

/**
 * Locks a group's row until the end of the transaction. Every change of its members or permissions takes this lock: otherwise a new
 * member and a new permission, written concurrently, would not see each other, and the member's version would not grow.
 */
export function lockGroup(tx: SqlEntityManager, groupId: string): Promise<Group> {
  return tx.findOneOrFail(Group, groupId, { refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE });
}

/** Locks principals' rows until the end of the transaction, ordered by id, so that concurrent transactions do not deadlock. */
export async function lockPrincipals(tx: SqlEntityManager, ids: readonly string[]): Promise<void> {
  const options = { refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } } as const;
  await tx.find(Principal, { id: { $in: [...ids] } }, options);
}

/**
 * Locks the rows of APIs (null for all) against changes of their catalogues. Take this lock before those of groups and principals. `writes`:
 * their version may grow in this transaction.
 */
export async function lockApis(
  tx: SqlEntityManager,
  apis: readonly string[] | null,
  mode: 'reads' | 'writes',
): Promise<void> {
  if (apis?.length === 0) return;
  const lock = mode === 'writes' ? 'for no key update' : 'for share';
  await tx.execute(`select 1 from permissions_api ${whereApis(apis)} order by id ${lock}`, [...(apis ?? [])]);
}

/** The condition that selects these APIs, whose ids are its values; null for all. */
export function whereApis(apis: readonly string[] | null): string {
  return apis === null ? '' : `where id in (${placeholders(apis.length)})`;
}
