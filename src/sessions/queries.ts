import type { SqlEntityManager } from '@mikro-orm/sql';
import { apiVersion, principalView } from '../permissions/index.ts';
import { type Database, hotSelect, type Statement } from '../platform/database/index.ts';
import { digest } from '../platform/digest.ts';
import { type Clock, plusSeconds } from '../platform/time.ts';
import { type ActiveUser, type ActiveUserRow, activeUserColumns, readActiveUser, userView } from '../users/index.ts';
import type { SessionLife } from './open.ts';
import { liveSession, lockSession } from './views.ts';

/** A live session with its user, as requests read it. */
export interface LiveSession {
  readonly id: string;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
  readonly expiresAt: Date;
  /** The absolute limit; `expiresAt` is this or the idle limit, which moves with use. */
  readonly endsAt: Date;
  readonly authTime: Date;
  readonly amr: readonly string[];
  readonly user: ActiveUser;
  /** The version of the API that was read with the session; null if there is no such API, or none was given. */
  readonly apiVersion: number | null;
}

/** The shortest time between two updates of `last_seen_at`. */
const LAST_SEEN_INTERVAL_SECONDS = 60;

const columns = `s.id, extract(epoch from s.created_at)::float8 as created_at, extract(epoch from s.last_seen_at)::float8 as last_seen_at,
  extract(epoch from least(s.idle_expires_at, s.expires_at))::float8 as expires_at, extract(epoch from s.expires_at)::float8 as ends_at, extract(epoch from s.auth_time)::float8 as auth_time, s.amr,
  ${activeUserColumns},
  ${apiVersion('$3::uuid')} as api_version
  from sessions_session s join ${userView('u')} on u.id = s.user_id join ${principalView('p')} on p.id = u.id`;

const byToken = hotSelect(
  'sessions-by-token',
  `select ${columns} where s.token_digest = $1 and ${liveSession('$2::timestamptz')}`,
);
const updateLastSeen: Statement = {
  name: 'sessions-last-seen',
  text: `update sessions_session set last_seen_at = $2::timestamptz, idle_expires_at = $3::timestamptz, form_digest = null where id = $1 and last_seen_at < $4::timestamptz and ended_at is null`,
};

interface Row extends ActiveUserRow {
  id: string;
  created_at: number;
  last_seen_at: number;
  expires_at: number;
  ends_at: number;
  auth_time: number;
  amr: string[];
  api_version: number | null;
}

export interface SessionDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly sessionLife: SessionLife;
}

/**
 * Returns the live session of a request's cookie, or null for an anonymous request, and updates `last_seen_at`. `apiId`: the API whose
 * version is read along with it.
 */
export async function currentSession<Request>(
  { db, clock, sessionLife }: SessionDeps,
  cookie: { read(request: Request): string | null },
  request: Request,
  apiId?: string,
): Promise<LiveSession | null> {
  const token = cookie.read(request);
  return token === null ? null : findSession(db, token, clock.now(), sessionLife.idleSeconds, apiId);
}

async function findSession(
  db: Database,
  token: string,
  now: Date,
  idleSeconds: number,
  apiId: string | null = null,
): Promise<LiveSession | null> {
  const [row] = await db.query<Row>(byToken, [digest(token), now, apiId]);
  if (!row) return null;
  if (row.last_seen_at < now.getTime() / 1000 - LAST_SEEN_INTERVAL_SECONDS) {
    const before = plusSeconds(now, -LAST_SEEN_INTERVAL_SECONDS);
    await db.query(updateLastSeen, [row.id, now, plusSeconds(now, idleSeconds), before]);
  }
  return readSession(row);
}

const byId = hotSelect(
  'sessions-live',
  `select 1 as live from sessions_session s join ${userView('u')} on u.id = s.user_id where s.id = $1::uuid and ${liveSession('$2::timestamptz')}`,
);

/** Locks a session that has not ended until the end of the transaction: a later end finds what it adds. Returns whether there is one. */
export async function holdSession(tx: SqlEntityManager, id: string): Promise<boolean> {
  return (await tx.execute<unknown[]>(lockSession('?'), [id])).length > 0;
}

/** Returns whether the session with this public id is live. */
export async function isSessionLive(db: Database, id: string, now: Date): Promise<boolean> {
  return (await db.query(byId, [id, now])).length > 0;
}

function readSession(row: Row): LiveSession {
  const at = (seconds: number) => new Date(Math.round(seconds * 1000));
  return {
    id: row.id,
    createdAt: at(row.created_at),
    lastSeenAt: at(row.last_seen_at),
    expiresAt: at(row.expires_at),
    endsAt: at(row.ends_at),
    authTime: at(row.auth_time),
    amr: row.amr,
    user: readActiveUser(row),
    apiVersion: row.api_version,
  };
}
