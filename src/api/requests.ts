import type { AuditContext } from '../audit/index.ts';
import type { Proofs } from '../oauth/index.ts';
import type { PermissionCache } from '../permissions/index.ts';
import type { Request, SessionCookie } from '../platform/http/index.ts';
import { currentSession, type LiveSession, type SessionDeps } from '../sessions/index.ts';
import type { Authentication, ClientInfo, Quotas } from '../signin/index.ts';
import type { KeyRing, Sign, VerifyToken } from '../tokens/index.ts';
import type { ActiveUser, User } from '../users/index.ts';
import { refusal } from './refusals.ts';

/** The services that the routes of this room use. */
export interface ApiDeps extends SessionDeps {
  readonly keys: KeyRing;
  readonly sign?: Sign;
  readonly access: PermissionCache;
  readonly verify: VerifyToken;
  readonly proofs: Proofs;
  readonly authentication: Authentication;
  readonly issuer: string;
  readonly signup: 'open' | 'closed';
  readonly passwordMinLength: number;
  readonly quotas: Quotas;
}

export function clientInfo(request: Request, cookie: SessionCookie): ClientInfo {
  return { ip: request.ip, userAgent: request.headers['user-agent'] ?? null, sessionToken: cookie.read(request) };
}

/** Like `currentSession`; 401 for an anonymous request. */
export async function requireSession(
  deps: ApiDeps,
  cookie: SessionCookie,
  request: Request,
  apiId?: string,
): Promise<LiveSession> {
  const session = await currentSession(deps, cookie, request, apiId);
  if (!session) throw refusal('session_missing');
  return session;
}

export function auditContext(
  deps: ApiDeps,
  request: Request,
  user: Pick<ActiveUser, 'id' | 'username'> | null,
): AuditContext {
  const actor = user
    ? ({ kind: 'user', id: user.id, label: user.username } as const)
    : ({ kind: 'anonymous', id: null, label: 'anonymous' } as const);
  return { at: deps.clock.now(), actor, requestId: request.id };
}

export function wireUser(user: Pick<User, 'id' | 'username' | 'email' | 'firstName' | 'lastName'>) {
  return {
    id: user.id,
    username: user.username,
    email: user.email,
    first_name: user.firstName,
    last_name: user.lastName,
  };
}

export function wireSession(session: {
  id: string;
  createdAt: Date;
  lastSeenAt: Date;
  expiresAt: Date;
  idleExpiresAt?: Date;
  authTime: Date;
  amr: readonly string[];
}) {
  const endsAt =
    session.idleExpiresAt && session.idleExpiresAt < session.expiresAt ? session.idleExpiresAt : session.expiresAt;
  return {
    id: session.id,
    created_at: session.createdAt.toISOString(),
    last_seen_at: session.lastSeenAt.toISOString(),
    expires_at: endsAt.toISOString(),
    auth_time: session.authTime.toISOString(),
    amr: [...session.amr],
  };
}
