/**
 * sessions: the server-side session.
 * Owns: sessions, when one is live, how one begins and ends.
 * Does not own: how a user proves who they are (signin), nor what lives by a session (tokens, oauth): they hear of its end by a port.
 * Neighbours: users below; signin above.
 * Standards: OWASP ASVS 5 V7; Django's sessions.
 */
export { type EndedSessions, type EndReason, endSessions, onSessionsEnded, type Successor } from './end.ts';
export { endSessionsByOperator } from './end-by-operator.ts';
export { Session } from './entities.ts';
export { eraseSessions } from './erase.ts';
export { createSession, listSessions, type SessionLife } from './open.ts';
export { findSession, isSessionLive, type LiveSession, liveSession } from './queries.ts';
