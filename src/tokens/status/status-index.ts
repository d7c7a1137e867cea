import { randomInt } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { apiVersion, lockPrincipals, permsVersion } from '../../permissions/index.ts';
import { type Database, hotSelect, runOn, type Statement } from '../../platform/database/index.ts';
import { plusSeconds } from '../../platform/time.ts';
import { lockSession, sessionView } from '../../sessions/index.ts';
import type { AccessTokenClaims } from '../claims.ts';
import { LINGER_SECONDS } from './set-status.ts';

/** Indexes of one list: 2^20, at two bits each 256 KiB. */
export const LIST_LENGTH = 1_048_576;

/** The index of a token in a status list. */
export interface StatusIndex {
  readonly list: number;
  readonly idx: number;
}

/** The owner of tokens: all tokens of one owner for one API share an index. */
export interface StatusOwner {
  /** `principal`: its tokens depend on no session or grant. */
  readonly kind: 'session' | 'grant' | 'principal';
  readonly id: string;
  readonly principal: string;
  readonly api: string;
  /** When the owner expires; null: never. */
  readonly endsAt: Date | null;
}

/** What one statement read: the versions of principal and API, and the current index. */
export interface IssueSnapshot {
  readonly principal: number | null;
  readonly api: number | null;
  /** Null when the owner has none, or the status of its last one has changed: the next token gets a new one. */
  readonly statusIndex: StatusIndex | null;
}

const snapshotStatement = hotSelect(
  'tokens-issue',
  `select ${permsVersion('$1')} as principal,
    ${apiVersion('$2')} as api, t.list::int as list, t.idx::int as idx
    from (values (1)) one left join tokens_status t on t.holder_id = $3 and t.api_id = $2 and t.is_current and t.state = 0`,
);

/** Versions and index are read together: a token never pairs the rights of one moment with the index of another. */
export async function readIssueSnapshot(
  from: Database | SqlEntityManager,
  principal: string,
  api: string | null,
  owner: string,
): Promise<IssueSnapshot> {
  const [row] = await runOn<{ principal: number | null; api: number | null; list: number | null; idx: number }>(
    from,
    snapshotStatement,
    [principal, api, owner],
  );
  if (!row) return { principal: null, api: null, statusIndex: null };
  return {
    principal: row.principal,
    api: row.api,
    statusIndex: row.list === null ? null : { list: row.list, idx: row.idx },
  };
}

/** $3 owner: its row is locked until the transaction ends, so that it cannot end meanwhile. */
export const lockOwner = {
  session: lockSession('$3'),
  grant: 'select 1 from tokens_grant g where g.id = $3 and g.ended_at is null for share of g',
  principal: 'select 1 where $3::uuid is not null',
};

/**
 * $1 principal, $2 API, $3 owner, $4 list, $5 index, $6 expiry, $7 expiry of a former index. The rows of the principal
 * and of the owner are locked: a transaction that later changes or ends one of them finds this index.
 */
const allocateStatement = (kind: StatusOwner['kind']): Statement => ({
  name: `tokens-index-${kind}`,
  text: `with principals as materialized (
      ${lockPrincipals('share', 'array[$1::uuid]')}
    ), live_owner as materialized (
      ${lockOwner[kind]}
    ), former as (
      update tokens_status t set is_current = false, expires_at = least(t.expires_at, $7::timestamptz)
      where t.holder_id = $3 and t.api_id = $2 and t.is_current and t.state <> 0 and exists (select from live_owner) returning 1
    ), inserted as (
      insert into tokens_status (list, idx, holder_id, api_id, principal_id, expires_at)
      select $4::int, $5::int, $3::uuid, $2::uuid, $1::uuid, $6::timestamptz from principals, live_owner where (select count(*) from former) >= 0
      on conflict do nothing returning 1
    ) select (select version from principals) as version, exists (select from live_owner) as is_live, exists (select from inserted) as is_inserted`,
});
const allocateStatements = {
  session: allocateStatement('session'),
  grant: allocateStatement('grant'),
  principal: allocateStatement('principal'),
};

/** After so many taken indexes in a row, a further list is used. */
export const ATTEMPTS_PER_LIST = 6;

/**
 * Returns the status index of the owner's next token, a new one where it has none that is valid, and the version of its
 * principal at that moment. Null when the owner or its principal has ended.
 */
export async function allocateIndex(
  from: Database | SqlEntityManager,
  owner: StatusOwner,
  now: Date,
): Promise<{ statusIndex: StatusIndex; version: number } | null> {
  const until = owner.endsAt === null ? new Date('9999-12-31T00:00:00Z') : plusSeconds(owner.endsAt, LINGER_SECONDS);
  for (let tries = 0; ; tries++) {
    const snapshot = await readIssueSnapshot(from, owner.principal, owner.api, owner.id);
    if (snapshot.principal === null) return null;
    if (snapshot.statusIndex) return { statusIndex: snapshot.statusIndex, version: snapshot.principal };
    const fresh = randomIndex(1 + Math.floor(tries / ATTEMPTS_PER_LIST));
    const values = [
      owner.principal,
      owner.api,
      owner.id,
      fresh.list,
      fresh.idx,
      until,
      plusSeconds(now, LINGER_SECONDS),
    ];
    const [row] = await runOn<{ version: number | null; is_live: boolean; is_inserted: boolean }>(
      from,
      allocateStatements[owner.kind],
      values,
    );
    if (!row?.is_live || row.version === null) return null;
    if (row.is_inserted) return { statusIndex: fresh, version: row.version };
  }
}

/** Returns a random index of the list; it may be taken. */
export function randomIndex(list: number): StatusIndex {
  return { list, idx: randomInt(LIST_LENGTH) };
}

const freeIndexStatement: Statement = {
  name: 'tokens-free-index',
  text: `select f.list, f.idx from unnest($1::int[], $2::int[]) with ordinality f(list, idx, n)
    where not exists (select from tokens_status t where t.list = f.list and t.idx = f.idx) order by f.n limit 1`,
};

/** Returns an index that was free a moment ago, in the first list that has one. */
export async function findFreeIndex(db: Database): Promise<StatusIndex> {
  for (let list = 1; ; list++) {
    const candidates = Array.from({ length: ATTEMPTS_PER_LIST }, () => randomIndex(list));
    const [found] = await db.query<StatusIndex>(freeIndexStatement, [
      candidates.map((one) => one.list),
      candidates.map((one) => one.idx),
    ]);
    if (found) return found;
  }
}

/** The URI of a list: its `sub`, and `uri` in tokens. */
export function statusListUri(issuer: string, list: number): string {
  return `${issuer}/status-lists/${list}`;
}

/** The index that a status claim of this server refers to; null for any other. */
export function statusIndexFromClaim(
  issuer: string,
  status: { idx: number; uri: string } | undefined,
): StatusIndex | null {
  if (!status) return null;
  const list = Number(status.uri.slice(`${issuer}/status-lists/`.length));
  return Number.isInteger(list) && statusListUri(issuer, list) === status.uri && Number.isInteger(status.idx)
    ? { list, idx: status.idx }
    : null;
}

/** $1 list, $2 index. */
const ownerStatement = hotSelect(
  'tokens-status-owner',
  `select t.holder_id as id, t.principal_id as principal, case when g.id is not null then 'grant' when s.id is not null then 'session' else 'principal' end as kind,
      extract(epoch from coalesce(g.expires_at, s.expires_at))::float8 as ends_at
    from tokens_status t left join tokens_grant g on g.id = t.holder_id left join ${sessionView('s')} on s.id = t.holder_id
    where t.list = $1::int and t.idx = $2::int`,
);

interface Row {
  id: string;
  principal: string;
  kind: StatusOwner['kind'];
  ends_at: number | null;
}

/**
 * Returns the owner of an access token, for another token of the same principal that must end with it; null when the
 * token's index no longer exists.
 */
export async function readStatusOwner(
  db: Database,
  issuer: string,
  { status }: Pick<AccessTokenClaims, 'status'>,
  expected: { readonly principal: string; readonly api: string },
): Promise<StatusOwner | null> {
  const index = statusIndexFromClaim(issuer, status?.status_list);
  const [row] = index ? await db.query<Row>(ownerStatement, [index.list, index.idx]) : [];
  if (!row || row.principal !== expected.principal) return null;
  return {
    kind: row.kind,
    id: row.id,
    ...expected,
    endsAt: row.ends_at === null ? null : new Date(row.ends_at * 1000),
  };
}
