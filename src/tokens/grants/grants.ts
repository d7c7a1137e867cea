import { randomBytes, randomUUIDv7 } from 'node:crypto';
import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { recordEvent } from '../../audit/index.ts';
import { plusSeconds } from '../../platform/time.ts';
import type { EndedSessions, Successor } from '../../sessions/index.ts';
import { RefreshGrant } from '../entities.ts';
import { revokeStatuses } from '../status/set-status.ts';
import { type RefreshKey, refreshToken } from './refresh-token.ts';

/** How long a family of refresh tokens lives: without use, and at the most. */
export interface GrantLife {
  readonly idleSeconds: number;
  readonly absoluteSeconds: number;
}

export interface NewGrant {
  readonly user: { readonly id: string; readonly passwordEpoch: number };
  /** The client's principal. */
  readonly client: string;
  /** Null: for userinfo alone. */
  readonly api: string | null;
  readonly scope: string | null;
  readonly session: { readonly id: string; readonly authTime: Date; readonly amr: readonly string[] } | null;
  readonly isOffline?: boolean;
  /** Whether there are refresh tokens; true when absent. */
  readonly isRefreshable?: boolean;
}

/** When a grant that is opened now ends. */
export function grantExpiry(life: GrantLife, now: Date): { idleExpiresAt: Date; expiresAt: Date } {
  return {
    idleExpiresAt: plusSeconds(now, Math.min(life.idleSeconds, life.absoluteSeconds)),
    expiresAt: plusSeconds(now, life.absoluteSeconds),
  };
}

/** Opens a family of refresh tokens in the caller's transaction, for a client whose users are not asked; answers its first. */
export function openGrant(
  tx: SqlEntityManager,
  key: RefreshKey,
  given: NewGrant,
  life: GrantLife,
  now: Date,
): { grant: RefreshGrant; token: string } {
  const grant = tx.create(RefreshGrant, {
    id: randomUUIDv7(),
    seed: randomBytes(32),
    principal: given.user.id,
    client: given.client,
    api: given.api,
    session: given.session?.id ?? null,
    passwordEpoch: given.user.passwordEpoch,
    authTime: given.session?.authTime ?? null,
    amr: given.session ? [...given.session.amr] : null,
    scope: given.scope,
    permissions: null,
    isOffline: given.isOffline ?? false,
    isRefreshable: given.isRefreshable ?? true,
    dpopJkt: null,
    claims: null,
    createdAt: now,
    rotatedAt: now,
    ...grantExpiry(life, now),
  });
  tx.persist(grant);
  return { grant, token: refreshToken(key, { id: grant.id, seed: Buffer.from(grant.seed) }, 0) };
}

export type GrantEndReason =
  | 'code_reused'
  | 'reuse'
  | 'revoked'
  | 'session_ended'
  | 'password_changed'
  | 'deactivated'
  | 'deleted'
  | 'client_disabled'
  | 'client_deleted'
  | 'ended_by_user'
  | 'ended_by_operator';

export type GrantFilter = Partial<Record<'id' | 'principal' | 'client', string>> & {
  readonly sessions?: readonly string[];
  readonly isOffline?: boolean;
};

/** Ends the live grants that match, and the tokens of each; answers them. Every way of ending a grant goes through here. */
export async function endGrants(
  tx: SqlEntityManager,
  now: Date,
  which: GrantFilter,
  reason: GrantEndReason,
): Promise<RefreshGrant[]> {
  const grants = await markEnded(tx, now, which, reason);
  await revokeStatuses(
    tx,
    now,
    grants.map((one) => one.id),
  );
  return grants;
}

/** The grants alone: the caller ends their tokens. */
async function markEnded(
  tx: SqlEntityManager,
  now: Date,
  { sessions, principals, ...given }: GrantFilter & { readonly principals?: readonly string[] },
  reason: GrantEndReason,
): Promise<RefreshGrant[]> {
  const where = {
    ...given,
    endedAt: null,
    ...(sessions ? { session: { $in: [...sessions] } } : {}),
    ...(principals ? { principal: { $in: [...principals] } } : {}),
  };
  // Locked while they are read: of two that end one grant, one ends it.
  const options = { refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } } as const;
  const grants = await tx.find(RefreshGrant, where, options);
  const ids = grants.map((one) => one.id);
  if (ids.length === 0) return [];
  await tx.nativeUpdate(RefreshGrant, { id: { $in: ids }, endedAt: null }, { endedAt: now, endedReason: reason });
  for (const { id, principal, client } of grants)
    recordEvent(tx, now, { kind: 'grant_ended', userId: principal, detail: { grant: id, client, reason } });
  await tx.flush();
  return grants;
}

const userEndReasons = {
  password_changed: 'password_changed',
  deactivated: 'deactivated',
  deleted: 'deleted',
} as const;

/**
 * What lives by a session ends with it; a user who is locked out, or has another password, has nothing left at all. All grants are
 * held before the first place, and one statement moves all places: a client that ends meanwhile waits for the same ones in this order.
 */
export async function sessionsEnded(tx: SqlEntityManager, ended: EndedSessions): Promise<void> {
  const { at, ids, reason, users, successor } = ended;
  const endedUsers = reason in userEndReasons ? users : [];
  if (successor || endedUsers.length > 0) await lockGrants(tx, ids, endedUsers);
  if (successor) await transferGrants(tx, ids, successor);
  // OIDC Core §11, OIDC Back-Channel Logout §2.7: what was given for `offline_access` outlives the session.
  const given = ids.length === 0 ? [] : await markEnded(tx, at, { sessions: ids, isOffline: false }, 'session_ended');
  const others =
    endedUsers.length === 0
      ? []
      : await markEnded(tx, at, { principals: endedUsers }, userEndReasons[reason as keyof typeof userEndReasons]);
  const holders = [...ids, ...[...given, ...others].map((one) => one.id), ...endedUsers];
  await revokeStatuses(tx, at, holders, endedUsers);
}

/** The live grants of sessions and of users, until the end of the transaction; in their order, though they end one lot after the other. */
async function lockGrants(tx: SqlEntityManager, sessions: readonly string[], users: readonly string[]): Promise<void> {
  const marks = (some: readonly string[]) => some.map(() => '?').join(', ');
  const whose = [
    ...(sessions.length === 0 ? [] : [`session_id in (${marks(sessions)})`]),
    ...(users.length === 0 ? [] : [`principal_id in (${marks(users)})`]),
  ];
  if (whose.length === 0) return;
  const live = `select id from tokens_grant where (${whose.join(' or ')}) and ended_at is null`;
  await tx.execute(
    `with held as materialized (${live} order by id for update) select count(*)::int as held from held`,
    [...sessions, ...users],
  );
}

/**
 * A user who authenticates again, because one client asked for it, is not logged out of the others: what the session gave goes on
 * with the one that takes its place.
 */
async function transferGrants(tx: SqlEntityManager, ids: readonly string[], to: Successor): Promise<void> {
  await tx.nativeUpdate(RefreshGrant, { session: { $in: [...ids] }, principal: to.user }, { session: to.id });
}

/**
 * A client that is disabled or gone: what it holds for users, what was exchanged through it, and its own tokens. One statement moves
 * all of their places, in their order.
 */
export async function endClient(
  tx: SqlEntityManager,
  now: Date,
  client: string,
  reason: 'client_disabled' | 'client_deleted',
): Promise<void> {
  const grants = await markEnded(tx, now, { client }, reason);
  await revokeStatuses(tx, now, [...grants.map((one) => one.id), client], [client]);
}

/** When a token was last fetched by it. */
export function lastGrantUse({ rotatedAt, usedAt }: Pick<RefreshGrant, 'rotatedAt' | 'usedAt'>): Date {
  return usedAt && usedAt > rotatedAt ? usedAt : rotatedAt;
}

/** The live grants of a user or a client, newest first. */
export function listGrants(
  em: SqlEntityManager,
  which: { id?: string; principal?: string; client?: string },
  now: Date,
): Promise<RefreshGrant[]> {
  const live = { endedAt: null, expiresAt: { $gt: now }, idleExpiresAt: { $gt: now } };
  return em.find(RefreshGrant, { ...which, ...live }, { orderBy: { id: 'desc' } });
}
