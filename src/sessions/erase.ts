import type { SqlEntityManager } from '@mikro-orm/sql';
import { endSessions } from './end.ts';
import { Session } from './entities.ts';

/** Ends a user's sessions and erases where they came from; returns how many ended. For a user who is being deleted. */
export async function eraseSessions(tx: SqlEntityManager, userId: string, at: Date): Promise<number> {
  const ended = await endSessions(tx, at, { user: userId }, 'deleted');
  await tx.nativeUpdate(Session, { user: userId }, { ip: null, userAgent: null });
  return ended.length;
}
