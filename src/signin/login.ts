import type { SqlEntityManager } from '@mikro-orm/sql';
import { recordEvent } from '../audit/index.ts';
import type { Database } from '../platform/database/index.ts';
import { digest } from '../platform/digest.ts';
import { createSession, endSessions, Session, type SessionLife } from '../sessions/index.ts';
import { User } from '../users/index.ts';
import type { Authentication } from './authenticate.ts';
import type { AuthenticatedUser } from './backends.ts';
import { FamiliarNetwork } from './entities.ts';
import { takeOverSession } from './repeat.ts';
import { networkDigest } from './throttle/throttle.ts';

export interface ClientInfo {
  readonly ip: string;
  readonly userAgent: string | null;
  /** The session cookie that came with the request, whatever it is worth. */
  readonly presented: string | null;
  /** The name of the form that was sent, where a second one is to get the same session. */
  readonly form?: Buffer;
}

export interface LoggedIn {
  readonly user: User;
  readonly session: Session;
  /** The cookie's value; kept nowhere else. */
  readonly token: string;
}

/**
 * Attaches an authenticated user to a new session. One transaction: the presented session ends, the new one begins, last_login,
 * the hash upgrade where the stored one is still the one that was right, the known network, the event. Null when the user was
 * deactivated or the password changed since it was verified.
 */
export async function logIn(
  db: Database,
  how: Authentication,
  life: SessionLife,
  who: AuthenticatedUser,
  password: string,
  browser: ClientInfo,
): Promise<LoggedIn | null> {
  // Hashed before the transaction, and given up when the pool is busy: the next login tries again.
  const upgraded = who.outdated === undefined ? null : await how.passwords.hash(password);
  const now = how.clock.now();
  return db.fork().transactional(async (tx) => {
    const isCurrent = { id: who.id, isActive: true, passwordEpoch: who.passwordEpoch };
    if ((await tx.nativeUpdate(User, isCurrent, { lastLogin: now })) === 0) return null;
    const given = {
      user: who.id,
      passwordEpoch: who.passwordEpoch,
      authTime: now,
      amr: [...who.amr],
      ip: browser.ip,
      userAgent: browser.userAgent,
      ...(browser.form ? { formDigest: browser.form } : {}),
    };
    const twin = browser.form ? await takeOverSession(tx, who.id, browser.form, now) : null;
    const { session, token } = twin ?? createSession(tx, given, life, now);
    if (browser.presented !== null) {
      const presented = { tokenDigest: digest(browser.presented) };
      await endSessions(tx, now, presented, 'replaced', { id: session.id, user: who.id });
    }
    if (twin) return { user: await tx.findOneOrFail(User, who.id), session, token };
    recordEvent(tx, now, { kind: 'login', userId: who.id, ip: browser.ip, detail: { sid: session.id } });
    if (upgraded !== null && who.outdated !== undefined) await upgrade(tx, who.id, who.outdated, upgraded, now);
    await tx.upsert(FamiliarNetwork, { user: who.id, networkDigest: networkDigest(browser.ip), lastSuccessAt: now });
    await tx.flush();
    return { user: await tx.findOneOrFail(User, who.id), session, token };
  });
}

/** Of many logins at once one wins; the epoch stays, so no session is lost. */
async function upgrade(tx: SqlEntityManager, userId: string, from: string, to: string, now: Date): Promise<void> {
  const changed = await tx.nativeUpdate(User, { id: userId, password: from }, { password: to });
  if (changed === 1) recordEvent(tx, now, { kind: 'password_upgraded', userId });
}

/** Ends the session of a cookie. Nothing happens when it is none. */
export async function logOut(db: Database, token: string, now: Date): Promise<void> {
  await db.fork().transactional(async (tx) => {
    const [sid] = await endSessions(tx, now, { tokenDigest: digest(token) }, 'logout');
    if (sid === undefined) return;
    const { user } = await tx.findOneOrFail(Session, sid);
    recordEvent(tx, now, { kind: 'logout', userId: user, detail: { sid } });
  });
}
