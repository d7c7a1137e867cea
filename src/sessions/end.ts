import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { definePort } from '../platform/database/index.ts';
import { Session } from './entities.ts';

export type EndReason =
  | 'logout'
  | 'replaced'
  | 'password_changed'
  | 'deactivated'
  | 'deleted'
  | 'ended_by_user'
  | 'ended_by_operator';

export interface EndedSessions {
  readonly at: Date;
  readonly ids: readonly string[];
  readonly reason: EndReason;
  /** Whose, where every session of a user was meant: what these users have without a session may end too. */
  readonly users: readonly string[];
  /** The session that takes the place of one, where its user has authenticated again. */
  readonly successor: Successor | null;
}

export interface Successor {
  readonly id: string;
  readonly user: string;
}

/** Port: what lives by a session ends with it, in the same transaction. */
export const onSessionsEnded =
  definePort<(tx: SqlEntityManager, ended: EndedSessions) => Promise<void>>('onSessionsEnded');

/** Ends the live sessions that match, once; answers their ids. Every way of ending a session goes through here. */
export async function endSessions(
  em: SqlEntityManager,
  now: Date,
  which: { user?: string | readonly string[]; id?: string; tokenDigest?: Buffer; except?: string },
  reason: EndReason,
  successor: Successor | null = null,
): Promise<string[]> {
  const where = {
    endedAt: null,
    ...(which.user === undefined ? {} : { user: { $in: [which.user].flat() } }),
    ...(which.id === undefined ? {} : { id: which.id }),
    ...(which.tokenDigest === undefined ? {} : { tokenDigest: which.tokenDigest }),
    ...(which.except === undefined ? {} : { $not: { id: which.except } }),
  };
  // Locked while they are read: of two that end one session, one ends it.
  const locked = { fields: ['id'], lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } } as const;
  const ids = (await em.find(Session, where, locked)).map((one) => one.id);
  if (ids.length > 0)
    await em.nativeUpdate(Session, { id: { $in: ids }, endedAt: null }, { endedAt: now, endedReason: reason });
  const isEvery = which.id === undefined && which.tokenDigest === undefined && which.except === undefined;
  const users = isEvery && which.user !== undefined ? [which.user].flat() : [];
  await onSessionsEnded.of(em)(em, { at: now, ids, reason, users, successor });
  return ids;
}
