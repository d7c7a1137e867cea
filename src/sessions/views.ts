import { view } from '../platform/database/index.ts';
import { activeUserSince } from '../users/index.ts';

// What statements of other rooms may read, and lock, of sessions; and the one place that says when a session is live.

export const sessionView = view(
  'sessions_session',
  ...['id', 'user_id', 'password_epoch', 'auth_time', 'amr', 'idle_expires_at', 'expires_at', 'ended_at'],
);

/** Condition: the session `s` has not been ended. What outlives its idle time asks only this. */
export const sessionNotEnded = (s = 's') => `${s}.ended_at is null`;

/** Condition: no session with this id, a column, has been ended. One that expired and was purged has not been. */
export const noEndedSession = (id: string) =>
  `not exists (select from sessions_session s where s.id = ${id} and s.ended_at is not null)`;

/** Condition on a session `s` and its user `u`: the session is live at a time, a parameter. It has not ended or expired, the user is active, the password the same. */
export const liveSession = (now: string) =>
  `${sessionNotEnded()} and s.idle_expires_at > ${now} and s.expires_at > ${now} and ${activeUserSince('s')}`;

/** Select: the session with this id, a parameter, if it has not ended; it cannot end until the transaction does. */
export const lockSession = (id: string) =>
  `select s.id from sessions_session s where s.id = ${id} and ${sessionNotEnded()} for share of s`;

/** Select: the session of a row `a` of `rows` with a `session_id`, likewise. `when` is a further condition, for the order of locks. */
export const lockSessionOf = (rows: string, when: string) =>
  `select s.id from ${rows} a join sessions_session s on s.id = a.session_id and ${sessionNotEnded()} where ${when} for share of s`;
