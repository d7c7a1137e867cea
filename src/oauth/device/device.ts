import type { Database, Statement } from '../../platform/database/index.ts';

/** RFC 8628 §3.2: how long a device may wait for its user, and how long it waits between two questions. */
export const DEVICE_SECONDS = 600;
export const INTERVAL_SECONDS = 5;

/** RFC 8628 §3.5: by so much the interval grows when a device asks too soon. */
const SLOWER_SECONDS = 5;

/** Requests of a device that keeps its interval may come a little closer together than they were sent. */
const LEEWAY_SECONDS = 1;

export interface NewDevice {
  readonly digest: Buffer;
  readonly userCode: string;
  /** The client's principal. */
  readonly client: string;
  readonly api: string | null;
  readonly scope: string | null;
  /** Ids of what is asked for; null: everything, for a first-party client. */
  readonly permissions: readonly string[] | null;
  readonly isOffline: boolean;
  readonly expiresAt: Date;
}

const inserted: Statement = {
  name: 'oauth-device-new',
  text: `insert into oauth_device (digest, user_code, client_id, api_id, scope, asked_permissions, is_offline, interval_seconds, expires_at)
    values ($1::bytea, $2, $3::uuid, $4::uuid, $5::text, $6::uuid[], $7::boolean, $8::int, $9::timestamptz) on conflict do nothing returning 1 as made`,
};

/** Begins to wait for a user; false when somebody waits under that user code already. */
export async function addDevice(db: Database, one: NewDevice): Promise<boolean> {
  const { digest, userCode, client, api, scope, permissions, isOffline, expiresAt } = one;
  const values = [digest, userCode, client, api, scope, permissions, isOffline, INTERVAL_SECONDS, expiresAt];
  return (await db.query(inserted, values)).length === 1;
}

/** What a device's question finds. */
export interface DevicePoll {
  readonly digest: Buffer;
  readonly state: 'pending' | 'approved' | 'denied';
  readonly isExpired: boolean;
  readonly isTooSoon: boolean;
  readonly isConsumed: boolean;
  /** What it gave, and who approved it. */
  readonly grant: string | null;
  readonly user: string | null;
  /** Once it was approved, and only while its user and their session are as they were then. */
  readonly approval: Approval | null;
}

/** What a user has agreed to. */
export interface Approval {
  readonly user: {
    readonly id: string;
    readonly username: string;
    readonly isStaff: boolean;
    readonly isSuperuser: boolean;
  };
  /** Of the user's principal. */
  readonly version: number;
  readonly passwordEpoch: number;
  readonly session: string;
  readonly authTime: Date;
  readonly amr: readonly string[];
  readonly api: string | null;
  readonly scope: string | null;
  /** Ids of what was consented to; null: uncut, for a first-party client. */
  readonly permissions: readonly string[] | null;
  readonly isOffline: boolean;
}

/** Of the device `d`: its user is who approved it, and the session that they did it in was not ended, unless what was given outlives it. */
const isGood = `exists (select from users_user u where u.id = d.principal_id and u.is_active and u.password_epoch = d.password_epoch)
  and (d.is_offline or exists (select from sessions_session s where s.id = d.session_id and s.ended_at is null))`;

/**
 * RFC 8628 §3.5: one question, which is noted in the same statement, so that of two that come together one is too soon. A code of
 * another client is no code. $1 digest, $2 client, $3 now.
 */
const polled: Statement = {
  name: 'oauth-device-poll',
  text: `with d as materialized (
      select x.*, x.polled_at is not null
        and x.polled_at + make_interval(secs => x.interval_seconds - ${LEEWAY_SECONDS}) > $3::timestamptz as is_too_soon
      from oauth_device x where x.digest = $1::bytea and x.client_id = $2::uuid for update
    ), noted as (
      update oauth_device x set polled_at = $3::timestamptz,
        interval_seconds = x.interval_seconds + case when d.is_too_soon then ${SLOWER_SECONDS} else 0 end
      from d where x.digest = d.digest and d.state = 'pending' and d.expires_at > $3::timestamptz returning 1
    ) select d.state, d.expires_at <= $3::timestamptz as is_expired, d.is_too_soon, d.consumed_at is not null as is_consumed, d.grant_id as "grant",
      d.api_id as api, d.scope, d.permissions::text[] as permissions, d.is_offline, d.password_epoch::int as password_epoch,
      d.session_id as session, extract(epoch from d.auth_time)::float8 as auth_time, d.amr, ${isGood} as is_good,
      w.id as user_id, w.username, w.is_staff, w.is_superuser, p.perms_version::int as version
    from d left join users_user w on w.id = d.principal_id left join permissions_principal p on p.id = w.id`,
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

/** Null when this client has no such code. */
export async function pollDevice(db: Database, digest: Buffer, client: string, now: Date): Promise<DevicePoll | null> {
  const [row] = await db.query<Row>(polled, [digest, client, now]);
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
