/**
 * sessions: the server-side session.
 * Owns: sessions, their creation and end, and the condition under which one is live.
 * Does not own: authentication (signin), and what depends on a session (tokens, oauth): a port informs those rooms of its end.
 * Neighbours: users below; signin above.
 * Standards: OWASP ASVS 5 V7; Django's sessions.
 */
export {
  type EndedSessions,
  type EndReason,
  endSessions,
  endSessionsByOperator,
  eraseSessions,
  onSessionsEnded,
  type Successor,
} from './end.ts';
export { Session } from './entities.ts';
export { createSession, listSessions, type SessionLife } from './open.ts';
export {
  currentSession,
  isSessionLive,
  type LiveSession,
  liveSession,
  type SessionDeps,
  sessionNotEnded,
} from './queries.ts';
