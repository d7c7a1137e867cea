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
  purgeSessions,
  type Successor,
} from './end.ts';
export { Session } from './entities.ts';
export { createSession, listSessions, type SessionLife } from './open.ts';
export { currentSession, holdSession, isSessionLive, type LiveSession, type SessionDeps } from './queries.ts';
export { REPEAT_SECONDS, repeatSession, takeOverSession } from './repeat.ts';
export { liveSession, lockSession, lockSessionOf, noEndedSession, sessionNotEnded, sessionView } from './views.ts';
