import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChange, recordEvent } from '../audit/index.ts';
import { type Database, definePort, purgeRows, purgeStatement } from '../platform/database/index.ts';
import { plusSeconds } from '../platform/time.ts';
import type { User } from '../users/index.ts';
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
  /** Users whose sessions were all ended: their grants without a session may end too. */
  readonly users: readonly string[];
  /** The session that replaces the ended one, after its user has authenticated again. */
  readonly successor: Successor | null;
}

export interface Successor {
  readonly id: string;
  readonly user: string;
}

/** Port: ends what depends on the sessions, in the same transaction. */
export const onSessionsEnded =
  definePort<(tx: SqlEntityManager, ended: EndedSessions) => Promise<void>>('onSessionsEnded');

/** The sessions to end: those that match every given field. */
interface SessionFilter {
  readonly user?: string | readonly string[];
  readonly id?: string;
  readonly tokenDigest?: Buffer;
  readonly except?: string;
}

/** Ends the sessions that match and have not ended yet. Returns their ids. Every session is ended by this function. */
export async function endSessions(
  em: SqlEntityManager,
  now: Date,
  filter: SessionFilter,
  reason: EndReason,
  successor: Successor | null = null,
): Promise<string[]> {
  const where = {
    endedAt: null,
    ...(filter.user === undefined ? {} : { user: { $in: [filter.user].flat() } }),
    ...(filter.id === undefined ? {} : { id: filter.id }),
    ...(filter.tokenDigest === undefined ? {} : { tokenDigest: filter.tokenDigest }),
    ...(filter.except === undefined ? {} : { $not: { id: filter.except } }),
  };
  // The lock ensures that only one of two concurrent calls ends a session.
  const locked = { fields: ['id'], lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } } as const;
  const ids = (await em.find(Session, where, locked)).map((one) => one.id);
  if (ids.length > 0)
    await em.nativeUpdate(Session, { id: { $in: ids }, endedAt: null }, { endedAt: now, endedReason: reason });
  const isEvery = filter.id === undefined && filter.tokenDigest === undefined && filter.except === undefined;
  const users = isEvery && filter.user !== undefined ? [filter.user].flat() : [];
  await onSessionsEnded.of(em)(em, { at: now, ids, reason, users, successor });
  return ids;
}

/**
 * Ends the live sessions of a user, or the one with this `id`, in the caller's transaction. Returns their ids. The events are for the
 * user's history, the audit entries name the operator.
 */
export async function endSessionsByOperator(
  tx: SqlEntityManager,
  audit: AuditContext,
  user: Pick<User, 'id' | 'username'>,
  id?: string,
): Promise<string[]> {
  const reason = 'ended_by_operator';
  const filter = id === undefined ? { user: user.id } : { user: user.id, id };
  const ended = await endSessions(tx, audit.at, filter, reason);
  for (const sid of ended) {
    recordEvent(tx, audit.at, { kind: 'session_ended', userId: user.id, detail: { sid, reason } });
    const object = { kind: 'session', id: sid, label: user.username };
    recordChange(tx, audit, { action: 'change', object, after: { ended: reason } });
  }
  await tx.flush();
  return ended;
}

/** Ends a deleted user's sessions and erases their addresses and user agents. Returns how many ended. */
export async function eraseSessions(tx: SqlEntityManager, userId: string, at: Date): Promise<number> {
  const ended = await endSessions(tx, at, { user: userId }, 'deleted');
  await tx.nativeUpdate(Session, { user: userId }, { ip: null, userAgent: null });
  return ended.length;
}

/** The time for which ended sessions stay visible to operators. */
const RETENTION_SECONDS = 7 * 86_400;

const purge = purgeStatement('sessions-purge', 'sessions_session', 'id');

/** Deletes sessions that expired a week ago, in bounded batches. */
export async function purgeSessions(db: Database, now: Date): Promise<void> {
  await purgeRows(db, purge, plusSeconds(now, -RETENTION_SECONDS));
}
