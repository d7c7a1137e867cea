import type { SqlEntityManager } from '@mikro-orm/sql';
import { recordEvent } from '../../audit/index.ts';
import { apiView, livePermission, permissionView } from '../../permissions/index.ts';
import type { Database, Statement } from '../../platform/database/index.ts';
import { plusSeconds } from '../../platform/time.ts';
import { liveSession, REPEAT_SECONDS, sessionView } from '../../sessions/index.ts';
import { userView } from '../../users/index.ts';
import { activeClient } from '../clients/cache.ts';
import { saveConsent } from '../consent/consent.ts';

/** A device that waits for its user, with what the page shows of it. */
export interface PendingDevice {
  readonly digest: Buffer;
  readonly client: {
    readonly id: string;
    readonly name: string;
    /** The client has registered itself: its name is not verified. */
    readonly isDynamic: boolean;
  };
  /** Null: for userinfo only. */
  readonly api: { readonly id: string; readonly name: string } | null;
  readonly scopes: readonly string[];
  /** Requested permissions; null: all that the user has there. */
  readonly permissions: readonly { readonly id: string; readonly name: string; readonly label: string }[] | null;
}

/** $1 user code, $2 now. */
const selectPending: Statement = {
  name: 'oauth-device-waiting',
  text: `select encode(d.digest, 'hex') as digest, c.id as client, c.name as client_name, c.is_dynamic, d.api_id as api, a.name as api_name, d.scope,
      d.asked_permissions::text[] as permissions
    from oauth_device d join oauth_client c on c.id = d.client_id left join ${apiView('a')} on a.id = d.api_id
    where d.user_code = $1 and d.state = 'pending' and d.expires_at > $2::timestamptz and ${activeClient()}
      and (d.api_id is null or a.id is not null)`,
};

/** $1 ids. */
const selectPermissions: Statement = {
  name: 'oauth-device-permissions',
  text: `select q.id, q.name, q.label from ${permissionView('q')} where q.id = any($1::uuid[]) and ${livePermission()} order by q.index`,
};

interface Row {
  digest: string;
  client: string;
  client_name: string;
  is_dynamic: boolean;
  api: string | null;
  api_name: string | null;
  scope: string | null;
  permissions: string[] | null;
}

/**
 * Returns the device that waits under a user code. Null if the code is unknown, expired, decided, or of a disabled
 * client, all alike.
 */
export async function findPendingDevice(db: Database, userCode: string, now: Date): Promise<PendingDevice | null> {
  const [row] = await db.query<Row>(selectPending, [userCode, now]);
  if (!row) return null;
  const { permissions } = row;
  return {
    digest: Buffer.from(row.digest, 'hex'),
    client: { id: row.client, name: row.client_name, isDynamic: row.is_dynamic },
    api: row.api === null ? null : { id: row.api, name: row.api_name ?? '' },
    scopes: row.scope?.split(' ') ?? [],
    permissions: permissions === null ? null : await db.query(selectPermissions, [permissions]),
  };
}

export type UserDecision = 'allow' | 'deny';

/**
 * Stores the decision of a session's user, once (RFC 8628 §3.3), in the caller's transaction. One conditional
 * statement, which reads the session as it is now. Consent to a client that is not first-party is stored too. Returns
 * false if the device was decided already, has expired, or the session has ended.
 */
export async function decideDevice(
  tx: SqlEntityManager,
  device: PendingDevice,
  by: { readonly session: string; readonly user: string; readonly ip: string },
  decision: UserDecision,
  now: Date,
): Promise<boolean> {
  const isLive = `s.id = ? and s.user_id = ? and u.id = s.user_id and ${liveSession('?')}`;
  const approval = `, principal_id = u.id, password_epoch = u.password_epoch, auth_time = s.auth_time, amr = s.amr,
    permissions = d.asked_permissions`;
  const rows = await tx.execute<unknown[]>(
    `update oauth_device d set state = ?, decided_at = ?, session_id = s.id${decision === 'allow' ? approval : ''}
     from ${sessionView('s')}, ${userView('u')}
     where d.digest = decode(?, 'hex') and d.state = 'pending' and d.expires_at > ? and ${isLive} returning 1`,
    [
      decision === 'allow' ? 'approved' : 'denied',
      now,
      device.digest.toString('hex'),
      now,
      by.session,
      by.user,
      now,
      now,
    ],
  );
  if (rows.length === 0) return false;
  const kind = decision === 'allow' ? 'device_approved' : 'device_denied';
  recordEvent(tx, now, { kind, userId: by.user, ip: by.ip, detail: { client: device.client.id, sid: by.session } });
  const { client, api, scopes, permissions } = device;
  if (decision === 'allow' && permissions !== null) {
    const consent = { user: by.user, client: client.id, api: api?.id ?? null, ip: by.ip };
    await saveConsent(tx, consent, { scopes, permissions: permissions.map((one) => one.id) }, now);
  }
  await tx.flush();
  return true;
}

/** $1 user code, $2 session, $3 since, $4 now. */
const selectDecision: Statement = {
  name: 'oauth-device-decided',
  text: `select d.state from oauth_device d
    where d.user_code = $1 and d.session_id = $2::uuid and d.decided_at > $3::timestamptz and d.expires_at > $4::timestamptz and d.state <> 'pending'`,
};

/**
 * Returns what this session has decided a moment ago about a user code, for a form that is sent twice
 * (`docs/decisions/0014-repeated-posts.md`).
 */
export async function findRecentDecision(
  db: Database,
  userCode: string,
  session: string,
  now: Date,
): Promise<UserDecision | null> {
  const values = [userCode, session, plusSeconds(now, -REPEAT_SECONDS), now];
  const [row] = await db.query<{ state: 'approved' | 'denied' }>(selectDecision, values);
  return row ? (row.state === 'approved' ? 'allow' : 'deny') : null;
}
