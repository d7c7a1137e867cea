import { randomUUIDv7 } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { digest, newSecret } from '../platform/digest.ts';
import { plusSeconds } from '../platform/time.ts';
import { Session } from './entities.ts';

export interface SessionLife {
  readonly idleSeconds: number;
  readonly absoluteSeconds: number;
}

export interface NewSession {
  readonly user: string;
  readonly passwordEpoch: number;
  readonly authTime: Date;
  readonly amr: string[];
  readonly ip: string | null;
  readonly userAgent: string | null;
  /** The digest of the form that creates the session, if the form may be sent again. */
  readonly formDigest?: Buffer;
}

/** Persists a new session. Returns it with the secret for the cookie, of which only a digest is stored. */
export function createSession(
  em: SqlEntityManager,
  fields: NewSession,
  life: SessionLife,
  now: Date,
): { session: Session; token: string } {
  const token = newSecret();
  const session = em.create(Session, {
    id: randomUUIDv7(),
    tokenDigest: digest(token),
    ...fields,
    userAgent: fields.userAgent?.slice(0, 400) ?? null,
    createdAt: now,
    lastSeenAt: now,
    idleExpiresAt: plusSeconds(now, Math.min(life.idleSeconds, life.absoluteSeconds)),
    expiresAt: plusSeconds(now, life.absoluteSeconds),
  });
  em.persist(session);
  return { session, token };
}

/** Returns the live sessions of a user, newest first. */
export function listSessions(em: SqlEntityManager, userId: string, now: Date): Promise<Session[]> {
  return em.find(
    Session,
    { user: userId, endedAt: null, expiresAt: { $gt: now }, idleExpiresAt: { $gt: now } },
    { orderBy: { createdAt: 'desc', id: 'desc' } },
  );
}
