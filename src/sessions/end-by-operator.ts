import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChange, recordEvent } from '../audit/index.ts';
import type { User } from '../users/index.ts';
import { endSessions } from './end.ts';

/**
 * Ends the live sessions of a user, or the one of `id`, in the caller's transaction; answers their ids. The event tells the
 * user's history, the entry tells who did it.
 */
export async function endSessionsByOperator(
  tx: SqlEntityManager,
  audit: AuditContext,
  user: Pick<User, 'id' | 'username'>,
  id?: string,
): Promise<string[]> {
  const reason = 'ended_by_operator';
  const which = id === undefined ? { user: user.id } : { user: user.id, id };
  const ended = await endSessions(tx, audit.at, which, reason);
  for (const sid of ended) {
    recordEvent(tx, audit.at, { kind: 'session_ended', userId: user.id, detail: { sid, reason } });
    const object = { kind: 'session', id: sid, label: user.username };
    recordChange(tx, audit, { action: 'change', object, after: { ended: reason } });
  }
  await tx.flush();
  return ended;
}
