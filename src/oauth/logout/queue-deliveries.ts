import type { SqlEntityManager } from '@mikro-orm/sql';
import type { EndedSessions } from '../../sessions/index.ts';

/**
 * The second function at the port `onSessionsEnded`, in the same transaction: queues one delivery for every client that
 * has a grant in one of the sessions and registered a logout URI (OIDC Back-Channel Logout §2.3). Deletes all consents
 * and codes of a deleted user.
 */
export async function queueLogoutDeliveries(tx: SqlEntityManager, ended: EndedSessions): Promise<void> {
  const { at, ids, reason, users, successor } = ended;
  if (ids.length > 0) {
    const [successorUser, successorId] = [successor?.user ?? null, successor?.id ?? null];
    await tx.execute(releaseDeliveries(ids.length), [successorUser, successorId, at, ...ids]);
    await tx.execute(insertDeliveries(ids.length), [successorUser, successorId, at, at, ...ids]);
  }
  if (users.length === 0) return;
  // A user who is activated again later has not consented to anything pending.
  if (reason === 'deactivated')
    for (const table of ['oauth_code', 'oauth_device'])
      await tx.execute(
        `delete from ${table} where principal_id in (${placeholders(users.length)}) and consumed_at is null`,
        [...users],
      );
  if (reason !== 'deleted') return;
  for (const table of ['oauth_consent', 'oauth_code', 'oauth_device'])
    await tx.execute(`delete from ${table} where principal_id in (${placeholders(users.length)})`, [...users]);
}

/**
 * Selects clients by the user's grants, ended ones too: a client may keep its own session after its grant ended. Where
 * the user has only authenticated again, no client is logged out yet; but a client knows the session by the `sid` that
 * it received, and is notified with that `sid` when the successor ends.
 */
function insertDeliveries(sessions: number): string {
  return `insert into oauth_logout_notice (id, client_id, sub, sid, after_session_id, created_at, next_try_at)
    select gen_random_uuid(), c.id, s.user_id, s.id, case when s.user_id = ?::uuid then ?::uuid end, ?, ?
    from sessions_session s
    cross join lateral (select distinct g.client_id from tokens_grant g where g.principal_id = s.user_id and g.session_id = s.id) given
    join oauth_client c on c.id = given.client_id and c.is_active and c.settings ->> 'backchannelLogoutUri' is not null
    where s.id in (${placeholders(sessions)})`;
}

/** Releases deliveries that were deferred to one of these sessions, or defers them to the next successor. */
function releaseDeliveries(sessions: number): string {
  return `update oauth_logout_notice set after_session_id = case when sub = ?::uuid then ?::uuid end, next_try_at = ?
    where after_session_id in (${placeholders(sessions)})`;
}

function placeholders(count: number): string {
  return Array(count).fill('?').join(', ');
}
