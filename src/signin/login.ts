import type { SqlEntityManager } from '@mikro-orm/sql';
import { recordEvent } from '../audit/index.ts';
import type { Database } from '../platform/database/index.ts';
import { digest } from '../platform/digest.ts';
import { createSession, endSessions, Session, type SessionLife, takeOverSession } from '../sessions/index.ts';
import { User } from '../users/index.ts';
import type { Authentication } from './authenticate.ts';
import type { AuthenticatedUser } from './backends.ts';
import { FamiliarNetwork } from './entities.ts';
import { networkDigest } from './throttle/throttle.ts';

/** The browser or program that sent a request. */
export interface ClientInfo {
  readonly ip: string;
  readonly userAgent: string | null;
  /** The value of the request's session cookie, which may be invalid. */
  readonly sessionToken: string | null;
  /** The digest of the sign-in form, if a second form with this digest gets the same session. */
  readonly formDigest?: Buffer;
}

export interface LogInRequest {
  readonly user: AuthenticatedUser;
  /** Needed to upgrade an outdated hash; null where none is at hand. */
  readonly password: string | null;
  readonly life: SessionLife;
  readonly client: ClientInfo;
  /** Runs first in the transaction; false: somebody else has used the flow up. */
  readonly consume?: (tx: SqlEntityManager) => Promise<boolean>;
}

export interface LoggedIn {
  readonly user: User;
  readonly session: Session;
  /** The value of the cookie; only its digest is stored. */
  readonly token: string;
}

/**
 * Creates a session for an authenticated user. In one transaction: ends the session of the request's cookie, creates the new one, sets
 * `last_login`, upgrades the hash if the stored one is still the verified one, and records network and event. Returns null if the user was
 * deactivated or the password was changed since the verification.
 */
export async function logIn(
  db: Database,
  authentication: Authentication,
  { user, password, life, client, consume }: LogInRequest,
): Promise<LoggedIn | null> {
  const { outdatedHash } = user;
  // Hashed before the transaction. Null if the pool is busy: the next login tries again.
  const newHash =
    outdatedHash === undefined || password === null ? null : await authentication.passwords.hash(password);
  const now = authentication.clock.now();
  return db.fork().transactional(async (tx) => {
    if (consume && !(await consume(tx))) return null;
    const isCurrent = { id: user.id, isActive: true, passwordEpoch: user.passwordEpoch };
    if ((await tx.nativeUpdate(User, isCurrent, { lastLogin: now })) === 0) return null;
    const fields = {
      user: user.id,
      passwordEpoch: user.passwordEpoch,
      authTime: now,
      amr: [...user.amr],
      ip: client.ip,
      userAgent: client.userAgent,
      ...(client.formDigest ? { formDigest: client.formDigest } : {}),
    };
    const repeat = client.formDigest ? await takeOverSession(tx, user.id, client.formDigest, now) : null;
    const { session, token } = repeat ?? createSession(tx, fields, life, now);
    if (client.sessionToken !== null) {
      const replaced = { tokenDigest: digest(client.sessionToken) };
      await endSessions(tx, now, replaced, 'replaced', { id: session.id, user: user.id });
    }
    if (repeat) return { user: await tx.findOneOrFail(User, user.id), session, token };
    recordEvent(tx, now, { kind: 'login', userId: user.id, ip: client.ip, detail: { sid: session.id } });
    if (newHash !== null && outdatedHash !== undefined) await upgradeHash(tx, user.id, outdatedHash, newHash, now);
    await tx.upsert(FamiliarNetwork, { user: user.id, networkDigest: networkDigest(client.ip), lastSuccessAt: now });
    await tx.flush();
    return { user: await tx.findOneOrFail(User, user.id), session, token };
  });
}

/** Only one of several concurrent logins replaces the hash. The epoch stays, so no session ends. */
async function upgradeHash(tx: SqlEntityManager, userId: string, from: string, to: string, now: Date): Promise<void> {
  const changed = await tx.nativeUpdate(User, { id: userId, password: from }, { password: to });
  if (changed === 1) recordEvent(tx, now, { kind: 'password_upgraded', userId });
}

/** Ends the session of a cookie; does nothing if there is no such session. */
export async function logOut(db: Database, token: string, now: Date): Promise<void> {
  await db.fork().transactional(async (tx) => {
    const [sid] = await endSessions(tx, now, { tokenDigest: digest(token) }, 'logout');
    if (sid === undefined) return;
    const { user } = await tx.findOneOrFail(Session, sid);
    recordEvent(tx, now, { kind: 'logout', userId: user, detail: { sid } });
  });
}
