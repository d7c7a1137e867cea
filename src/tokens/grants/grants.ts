import { randomBytes, randomUUIDv7 } from 'node:crypto';
import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { recordEvent } from '../../audit/index.ts';
import { placeholders } from '../../platform/database/index.ts';
import { plusSeconds } from '../../platform/time.ts';
import type { EndedSessions, Successor } from '../../sessions/index.ts';
import { RefreshGrant } from '../entities.ts';
import { revokeStatuses } from '../status/set-status.ts';
import { type RefreshKey, refreshToken } from './refresh-token.ts';

/** The lifetime of a family of refresh tokens: without use, and at most. */
export interface GrantLife {
  readonly idleSeconds: number;
  readonly absoluteSeconds: number;
}

export interface NewGrant {
  readonly user: { readonly id: string; readonly passwordEpoch: number };
  /** The client's principal. */
  readonly client: string;
  /** Null for userinfo alone. */
  readonly api: string | null;
  readonly scope: string | null;
  readonly session: { readonly id: string; readonly authTime: Date; readonly amr: readonly string[] } | null;
  readonly isOffline?: boolean;
  /** Whether the grant has refresh tokens; true when absent. */
  readonly isRefreshable?: boolean;
}

/** The expiry times of a grant that is opened now. */
export function grantExpiry(life: GrantLife, now: Date): { idleExpiresAt: Date; expiresAt: Date } {
  return {
    idleExpiresAt: plusSeconds(now, Math.min(life.idleSeconds, life.absoluteSeconds)),
    expiresAt: plusSeconds(now, life.absoluteSeconds),
  };
}

/** Opens a grant without a consent prompt, in the caller's transaction; returns it and its first refresh token. */
export function openGrant(
  tx: SqlEntityManager,
  key: RefreshKey,
  input: NewGrant,
  life: GrantLife,
  now: Date,
): { grant: RefreshGrant; token: string } {
  const grant = tx.create(RefreshGrant, {
    id: randomUUIDv7(),
    seed: randomBytes(32),
    principal: input.user.id,
    client: input.client,
    api: input.api,
    session: input.session?.id ?? null,
    passwordEpoch: input.user.passwordEpoch,
    authTime: input.session?.authTime ?? null,
    amr: input.session ? [...input.session.amr] : null,
    scope: input.scope,
    permissions: null,
    isOffline: input.isOffline ?? false,
    isRefreshable: input.isRefreshable ?? true,
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

/**
 * Ends the live grants that match and revokes the tokens of each; returns the grants. Every end of a grant goes through
 * `markEnded`.
 */
export async function endGrants(
  tx: SqlEntityManager,
  now: Date,
  filter: GrantFilter,
  reason: GrantEndReason,
): Promise<RefreshGrant[]> {
  const grants = await markEnded(tx, now, filter, reason);
  await revokeStatuses(
    tx,
    now,
    grants.map((one) => one.id),
  );
  return grants;
}

/** Ends the grants alone: the caller revokes their tokens. */
async function markEnded(
  tx: SqlEntityManager,
  now: Date,
  { sessions, principals, ...filter }: GrantFilter & { readonly principals?: readonly string[] },
  reason: GrantEndReason,
): Promise<RefreshGrant[]> {
  const where = {
    ...filter,
    endedAt: null,
    ...(sessions ? { session: { $in: [...sessions] } } : {}),
    ...(principals ? { principal: { $in: [...principals] } } : {}),
  };
  // Locked as they are read: of two transactions that end one grant, one does.
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
 * Ends everything that depends on ended sessions, and everything of users who are locked out or have another password.
 * All grants are locked before the first status index, and one statement updates all indexes: a client that ends at the
 * same time waits for the same rows in this order.
 */
export async function endSessionGrants(tx: SqlEntityManager, ended: EndedSessions): Promise<void> {
  const { at, ids, reason, users, successor } = ended;
  const endedUsers = reason in userEndReasons ? users : [];
  if (successor || endedUsers.length > 0) await lockGrants(tx, ids, endedUsers);
  if (successor) await transferGrants(tx, ids, successor);
  // OIDC Core §11, OIDC Back-Channel Logout §2.7: a grant with `offline_access` outlives the session.
  const sessionGrants =
    ids.length === 0 ? [] : await markEnded(tx, at, { sessions: ids, isOffline: false }, 'session_ended');
  const userGrants =
    endedUsers.length === 0
      ? []
      : await markEnded(tx, at, { principals: endedUsers }, userEndReasons[reason as keyof typeof userEndReasons]);
  const owners = [...ids, ...[...sessionGrants, ...userGrants].map((one) => one.id), ...endedUsers];
  await revokeStatuses(tx, at, owners, endedUsers);
}

/**
 * Locks the live grants of sessions and users until the end of the transaction, in the order of their ids, although
 * they end in two steps.
 */
async function lockGrants(tx: SqlEntityManager, sessions: readonly string[], users: readonly string[]): Promise<void> {
  const conditions = [
    ...(sessions.length === 0 ? [] : [`session_id in (${placeholders(sessions.length)})`]),
    ...(users.length === 0 ? [] : [`principal_id in (${placeholders(users.length)})`]),
  ];
  if (conditions.length === 0) return;
  const live = `select id from tokens_grant where (${conditions.join(' or ')}) and ended_at is null`;
  await tx.execute(
    `with held as materialized (${live} order by id for update) select count(*)::int as held from held`,
    [...sessions, ...users],
  );
}

/**
 * Moves the grants of a session to its successor: a user who authenticates again at the request of one client stays
 * signed in at the others.
 */
async function transferGrants(tx: SqlEntityManager, ids: readonly string[], successor: Successor): Promise<void> {
  await tx.nativeUpdate(
    RefreshGrant,
    { session: { $in: [...ids] }, principal: successor.user },
    { session: successor.id },
  );
}

/**
 * Ends a disabled or deleted client: its grants, tokens exchanged through it, and its own tokens. One statement updates
 * all of their status indexes, in order.
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

/** When a token of the grant was last issued. */
export function lastGrantUse({ rotatedAt, usedAt }: Pick<RefreshGrant, 'rotatedAt' | 'usedAt'>): Date {
  return usedAt && usedAt > rotatedAt ? usedAt : rotatedAt;
}

/** Returns the live grants of a user or client, newest first. */
export function listGrants(
  em: SqlEntityManager,
  filter: { id?: string; principal?: string; client?: string },
  now: Date,
): Promise<RefreshGrant[]> {
  const live = { endedAt: null, expiresAt: { $gt: now }, idleExpiresAt: { $gt: now } };
  return em.find(RefreshGrant, { ...filter, ...live }, { orderBy: { id: 'desc' } });
}
