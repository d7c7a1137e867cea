import type { SqlEntityManager } from '@mikro-orm/sql';
import { placeholders } from '../../platform/database/index.ts';
import { type DeliveryQuery, enqueueRows, type HeldTopic, releaseDeliveries } from '../../platform/outbox/index.ts';
import { type EndedSessions, type Successor, sessionView } from '../../sessions/index.ts';
import { grantView } from '../../tokens/index.ts';

export const LOGOUT_TOPIC = 'oauth.logout';

/** The outbox purges deliveries that were deferred to a session which expired and was never ended. */
export const heldLogouts: HeldTopic = { topic: LOGOUT_TOPIC, holders: sessionView };

/** What a logout token says; the target of its delivery is the client's principal. */
export interface LogoutPayload {
  readonly clientId: string;
  readonly sub: string;
  readonly sid: string;
}

/**
 * The second function at the port `onSessionsEnded`, in the same transaction: queues one delivery for every client that
 * has a grant in one of the sessions and registered a logout URI (OIDC Back-Channel Logout §2.3). Deletes all consents
 * and codes of a deleted user.
 */
export async function queueLogoutDeliveries(tx: SqlEntityManager, ended: EndedSessions): Promise<void> {
  const { at, ids, reason, users, successor } = ended;
  if (ids.length > 0) {
    // Deliveries that were deferred to one of these sessions are due, or deferred to the next successor.
    const next = successor && { id: successor.id, payload: { sub: successor.user } };
    await releaseDeliveries(tx, at, LOGOUT_TOPIC, ids, next);
    await enqueueRows(tx, at, LOGOUT_TOPIC, deliveriesOf(ids, successor));
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
function deliveriesOf(sessions: readonly string[], successor: Successor | null): DeliveryQuery {
  const sql = `select gen_random_uuid() as id, c.id::text as target,
      jsonb_build_object('clientId', c.client_id, 'sub', s.user_id, 'sid', s.id) as payload,
      case when s.user_id = ?::uuid then ?::uuid end as held_by
    from ${sessionView('s')}
    cross join lateral (
      select distinct g.client_id from ${grantView('g')} where g.principal_id = s.user_id and g.session_id = s.id
    ) given
    join oauth_client c on c.id = given.client_id and c.is_active and c.settings ->> 'backchannelLogoutUri' is not null
    where s.id in (${placeholders(sessions.length)})`;
  return { sql, values: [successor?.user ?? null, successor?.id ?? null, ...sessions] };
}
