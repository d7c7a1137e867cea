import { principalView } from '../../permissions/index.ts';
import type { Database, Statement } from '../../platform/database/index.ts';
import { sessionNotEnded, sessionView } from '../../sessions/index.ts';
import type { TokenUser } from '../../tokens/index.ts';
import { activeUserSince, userView } from '../../users/index.ts';

/** RFC 8628 §3.2: how long a device waits for its user, and the interval between two polls. */
export const DEVICE_SECONDS = 600;
export const INTERVAL_SECONDS = 5;

/** RFC 8628 §3.5: added to the interval when a device polls too soon. */
const SLOW_DOWN_SECONDS = 5;

/** Polls may arrive a little closer together than they were sent. */
const LEEWAY_SECONDS = 1;

export interface NewDevice {
  readonly digest: Buffer;
  readonly userCode: string;
  /** The client's principal. */
  readonly client: string;
  readonly api: string | null;
  readonly scope: string | null;
  /** Ids of the requested permissions; null: all, for a first-party client. */
  readonly permissions: readonly string[] | null;
  readonly isOffline: boolean;
  readonly expiresAt: Date;
}

const insertDevice: Statement = {
  name: 'oauth-device-new',
  text: `insert into oauth_device (digest, user_code, client_id, api_id, scope, asked_permissions, is_offline, interval_seconds, expires_at)
    values ($1::bytea, $2, $3::uuid, $4::uuid, $5::text, $6::uuid[], $7::boolean, $8::int, $9::timestamptz) on conflict do nothing returning 1 as made`,
};

/** Stores a device that waits for its user. Returns false if the user code is taken. */
export async function addDevice(db: Database, device: NewDevice): Promise<boolean> {
  const { digest, userCode, client, api, scope, permissions, isOffline, expiresAt } = device;
  const values = [digest, userCode, client, api, scope, permissions, isOffline, INTERVAL_SECONDS, expiresAt];
  return (await db.query(insertDevice, values)).length === 1;
}

/** The state that a poll of a device finds. */
export interface DevicePoll {
  readonly digest: Buffer;
  readonly state: 'pending' | 'approved' | 'denied';
  readonly isExpired: boolean;
  readonly isTooSoon: boolean;
  readonly isConsumed: boolean;
  /** The grant that it has opened, and the user who approved it. */
  readonly grant: string | null;
  readonly user: string | null;
  /** Set after approval, while the user and the session are as they were then. */
  readonly approval: Approval | null;
}

/** What a user has approved. */
export interface Approval {
  readonly user: TokenUser;
  /** Version of the user's principal. */
  readonly version: number;
  readonly passwordEpoch: number;
  readonly session: string;
  readonly authTime: Date;
  readonly amr: readonly string[];
  readonly api: string | null;
  readonly scope: string | null;
  /** Ids of the consented permissions; null: all, for a first-party client. */
  readonly permissions: readonly string[] | null;
  readonly isOffline: boolean;
}

/**
 * Condition on the device `d`: its user is active with the same password, and the session of the approval has not
 * ended, unless the tokens outlive it.
 */
const isApprovalValid = `exists (select from ${userView('u')} where u.id = d.principal_id and ${activeUserSince('d')})
  and (d.is_offline or exists (select from ${sessionView('s')} where s.id = d.session_id and ${sessionNotEnded()}))`;

/**
 * RFC 8628 §3.5: one poll, which is recorded in the same statement, so that the second of two concurrent polls is too
 * soon. The code of another client is not found. $1 digest, $2 client, $3 now.
 */
const poll: Statement = {
  name: 'oauth-device-poll',
  text: `with d as materialized (
      select x.*, x.polled_at is not null
        and x.polled_at + make_interval(secs => x.interval_seconds - ${LEEWAY_SECONDS}) > $3::timestamptz as is_too_soon
      from oauth_device x where x.digest = $1::bytea and x.client_id = $2::uuid for update
    ), noted as (
      update oauth_device x set polled_at = $3::timestamptz,
        interval_seconds = x.interval_seconds + case when d.is_too_soon then ${SLOW_DOWN_SECONDS} else 0 end
      from d where x.digest = d.digest and d.state = 'pending' and d.expires_at > $3::timestamptz returning 1
    ) select d.state, d.expires_at <= $3::timestamptz as is_expired, d.is_too_soon, d.consumed_at is not null as is_consumed, d.grant_id as "grant",
      d.api_id as api, d.scope, d.permissions::text[] as permissions, d.is_offline, d.password_epoch::int as password_epoch,
      d.session_id as session, extract(epoch from d.auth_time)::float8 as auth_time, d.amr, ${isApprovalValid} as is_good,
      w.id as user_id, w.username, w.is_staff, w.is_superuser, p.perms_version::int as version
    from d left join ${userView('w')} on w.id = d.principal_id left join ${principalView('p')} on p.id = w.id`,
};

interface Row {
  state: DevicePoll['state'];
  is_expired: boolean;
  is_too_soon: boolean;
  is_consumed: boolean;
  grant: string | null;
  api: string | null;
  scope: string | null;
  permissions: string[] | null;
  is_offline: boolean;
  password_epoch: number;
  session: string;
  auth_time: number;
  amr: string[];
  is_good: boolean;
  user_id: string | null;
  username: string;
  is_staff: boolean;
  is_superuser: boolean;
  version: number;
}

/** Polls a device. Null if this client has no such code. */
export async function pollDevice(db: Database, digest: Buffer, client: string, now: Date): Promise<DevicePoll | null> {
  const [row] = await db.query<Row>(poll, [digest, client, now]);
  if (!row) return null;
  const { state, grant } = row;
  return {
    digest,
    state,
    grant,
    user: row.user_id,
    isExpired: row.is_expired,
    isTooSoon: row.is_too_soon,
    isConsumed: row.is_consumed,
    approval: state === 'approved' && row.is_good ? readApproval(row) : null,
  };
}

function readApproval(row: Row): Approval | null {
  if (row.user_id === null) return null;
  return {
    user: { id: row.user_id, username: row.username, isStaff: row.is_staff, isSuperuser: row.is_superuser },
    version: row.version,
    passwordEpoch: row.password_epoch,
    session: row.session,
    authTime: new Date(Math.round(row.auth_time * 1000)),
    amr: row.amr,
    api: row.api,
    scope: row.scope,
    permissions: row.permissions,
    isOffline: row.is_offline,
  };
}
