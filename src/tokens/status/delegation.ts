import { lockPrincipals, principalView } from '../../permissions/index.ts';
import { type Database, hotSelect, type Statement } from '../../platform/database/index.ts';
import { plusSeconds } from '../../platform/time.ts';
import type { AccessTokenClaims } from '../claims.ts';
import { LINGER_SECONDS, STATUS } from './set-status.ts';
import {
  ATTEMPTS_PER_LIST,
  lockOwner,
  randomIndex,
  type StatusIndex,
  type StatusOwner,
  statusIndexFromClaim,
} from './status-index.ts';

/**
 * The principals through whom a token was exchanged (RFC 8693), with the version at which each was read: the actors,
 * and the client of the first token.
 */
export type DelegationChain = ReadonlyMap<string, number>;

/** An index is free again when it was not used for an exchange for this long; each use extends it. */
const RETENTION_SECONDS = 3600;

const NEVER = new Date('9999-12-31T00:00:00Z');

/** $1 principal, $2 API, $3 owner, $4 delegation chain, $5 its versions, $6 minimum expiry of the index. */
const snapshotStatement = hotSelect(
  'tokens-exchanged',
  `select p.perms_version::int as version, t.list::int as list, t.idx::int as idx,
    (select count(*) from unnest($4::uuid[], $5::int[]) v(id, version) join ${principalView('q')} on q.id = v.id and q.perms_version = v.version)
      = cardinality($4::uuid[]) as is_same
    from ${principalView('p')} left join tokens_status t on t.holder_id = $3 and t.api_id = $2 and t.through = $4::uuid[] and t.state = 0
      and t.expires_at >= $6::timestamptz
    where p.id = $1`,
);

/**
 * $1 to $5 as above, $6 list, $7 index, $8 expiry. All principals are locked, in order, and then the owner: a
 * transaction that later changes or ends one of them finds this index, and an earlier one shows in the versions. An
 * index that would soon be free is extended.
 */
const allocateStatement = (kind: StatusOwner['kind']): Statement => ({
  name: `tokens-exchanged-${kind}`,
  text: `with principals as materialized (
      ${lockPrincipals('share', '$4::uuid[] || $1::uuid')}
    ), unchanged as materialized (
      select count(*) = cardinality($4::uuid[]) as is_same from principals join unnest($4::uuid[], $5::int[]) v(id, version) using (id, version)
    ), live_owner as materialized (
      ${lockOwner[kind]}
    ), extended as (
      update tokens_status t set expires_at = greatest(t.expires_at, $8::timestamptz) from unchanged, live_owner
      where t.holder_id = $3 and t.api_id = $2 and t.through = $4::uuid[] and t.state = 0 and unchanged.is_same
      returning t.list, t.idx
    ), inserted as (
      insert into tokens_status (list, idx, holder_id, api_id, principal_id, through, is_current, expires_at)
      select $6::int, $7::int, $3::uuid, $2::uuid, $1::uuid, $4::uuid[], false, $8::timestamptz from unchanged, live_owner
      where unchanged.is_same and not exists (select from extended)
      on conflict do nothing returning list, idx
    ) select (select version from principals where id = $1) as version, (select is_same from unchanged) as is_same, exists (select from live_owner) as is_live,
      coalesce((select list from extended), (select list from inserted))::int as list, coalesce((select idx from extended), (select idx from inserted))::int as idx`,
});
const allocateStatements = {
  session: allocateStatement('session'),
  grant: allocateStatement('grant'),
  principal: allocateStatement('principal'),
};

interface Row {
  version: number | null;
  is_same: boolean;
  list: number | null;
  idx: number;
}

/**
 * Returns the status index of a token exchanged for one of the owner's: one index for all such tokens of the same
 * principals for one API, whatever their number and order. Its status changes with the owner and with each principal.
 * Returns `stale` when one of them has changed since it was read, null when the owner or its principal has ended.
 */
export async function allocateExchangedIndex(
  db: Database,
  owner: StatusOwner,
  chain: DelegationChain,
  now: Date,
): Promise<{ statusIndex: StatusIndex; version: number } | 'stale' | null> {
  const ids = [...chain.keys()].sort();
  const values = [owner.principal, owner.api, owner.id, ids, ids.map((id) => chain.get(id))];
  const end = Math.min((owner.endsAt ?? NEVER).getTime(), plusSeconds(now, RETENTION_SECONDS).getTime());
  const until = plusSeconds(new Date(end), LINGER_SECONDS);
  for (let tries = 0; ; tries++) {
    const [snapshot] = await db.query<Row>(snapshotStatement, [...values, plusSeconds(now, LINGER_SECONDS)]);
    const existing = snapshot && readAllocation(snapshot);
    if (!snapshot || existing) return existing ?? null;
    const fresh = randomIndex(1 + Math.floor(tries / ATTEMPTS_PER_LIST));
    const [row] = await db.query<Row & { is_live: boolean }>(allocateStatements[owner.kind], [
      ...values,
      fresh.list,
      fresh.idx,
      until,
    ]);
    if (!row?.is_live || row.version === null) return null;
    const inserted = readAllocation(row);
    if (inserted) return inserted;
  }
}

/** $1 list, $2 index, $3 jti. */
const stateStatement = hotSelect(
  'tokens-state',
  `select t.state::int as state, exists (select from tokens_revoked r where r.jti = $3::uuid) as is_revoked
    from tokens_status t where t.list = $1::int and t.idx = $2::int`,
);

/**
 * Whether a presented token can still be exchanged (RFC 7009 §2.1). Call it once the new token's index is committed. A
 * revocation is written before it searches for indexes, so either it is visible here or it finds the new index. This
 * needs no lock, so it cannot wait for one in another order than status updates do.
 */
export async function isStillExchangeable(
  db: Database,
  issuer: string,
  claims: Pick<AccessTokenClaims, 'jti' | 'act' | 'status'>,
): Promise<boolean> {
  const index = statusIndexFromClaim(issuer, claims.status?.status_list);
  const [row] = index
    ? await db.query<{ state: number; is_revoked: boolean }>(stateStatement, [index.list, index.idx, claims.jti])
    : [];
  return row !== undefined && !row.is_revoked && isExchangeable(claims, row.state);
}

/**
 * Whether a token with this status may be exchanged. A suspended token that was itself exchanged may derive from a
 * revoked one: the client must repeat that exchange from the original token. Any other token is suspended because of a
 * sibling, or of rights, which are read again.
 */
export function isExchangeable({ act }: Pick<AccessTokenClaims, 'act'>, state: number | null): boolean {
  return state !== STATUS.revoked && !(act && state === STATUS.suspended);
}

/** Returns undefined when there is no index yet. */
function readAllocation({ version, is_same, list, idx }: Row) {
  if (!is_same) return 'stale';
  return list === null || version === null ? undefined : { statusIndex: { list, idx }, version };
}
