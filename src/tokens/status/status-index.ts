import { randomInt } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Database, hotSelect, runOn, type Statement } from '../../platform/database/index.ts';
import { plusSeconds } from '../../platform/time.ts';
import type { AccessTokenClaims } from '../claims.ts';
import { LINGER_SECONDS } from './set-status.ts';

/** Indexes of one list: 2^20, at two bits each 256 KiB. */
export const LIST_LENGTH = 1_048_576;

/** Where a token's status stands. */
export interface StatusIndex {
  readonly list: number;
  readonly idx: number;
}

/** Whose tokens are meant: all of one holder's for one API share a place. */
export interface StatusOwner {
  /** A session or a grant, or a principal that holds its tokens by itself. */
  readonly kind: 'session' | 'grant' | 'principal';
  readonly id: string;
  readonly principal: string;
  readonly api: string;
  /** When the holder ends by itself; null = never. */
  readonly endsAt: Date | null;
}

/** What one statement saw: the versions that rights are kept by, and the place of a token that is made now. */
export interface IssueSnapshot {
  readonly principal: number | null;
  readonly api: number | null;
  /** Null when the holder has none, or its last one has moved: the next token gets a fresh one. */
  readonly statusIndex: StatusIndex | null;
}

const snapshotStatement = hotSelect(
  'tokens-mint',
  `select (select p.perms_version::int from permissions_principal p where p.id = $1) as principal,
    (select a.version::int from permissions_api a where a.id = $2) as api, t.list::int as list, t.idx::int as idx
    from (values (1)) one left join tokens_status t on t.holder_id = $3 and t.api_id = $2 and t.is_current and t.state = 0`,
);

/** Read together, so that a token never pairs the rights of one moment with the index of another. */
export async function readIssueSnapshot(
  from: Database | SqlEntityManager,
  principal: string,
  api: string | null,
  holder: string,
): Promise<IssueSnapshot> {
  const [row] = await runOn<{ principal: number | null; api: number | null; list: number | null; idx: number }>(
    from,
    snapshotStatement,
    [principal, api, holder],
  );
  if (!row) return { principal: null, api: null, statusIndex: null };
  return {
    principal: row.principal,
    api: row.api,
    statusIndex: row.list === null ? null : { list: row.list, idx: row.idx },
  };
}

/** $3 holder: its row is locked against whoever ends it. */
export const lockOwner = {
  session: 'select 1 from sessions_session s where s.id = $3 and s.ended_at is null for share of s',
  grant: 'select 1 from tokens_grant g where g.id = $3 and g.ended_at is null for share of g',
  principal: 'select 1 where $3::uuid is not null',
};

/**
 * $1 principal, $2 API, $3 holder, $4 list, $5 index, $6 until when, $7 how long one left behind lingers. The rows of the principal
 * and of the holder are locked against whoever changes or ends them: what they write afterwards sees this place.
 */
const allocateStatement = (kind: StatusOwner['kind']): Statement => ({
  name: `tokens-place-${kind}`,
  text: `with who as materialized (
      select p.perms_version::int as version from permissions_principal p where p.id = $1 for share of p
    ), live as materialized (
      ${lockOwner[kind]}
    ), behind as (
      update tokens_status t set is_current = false, expires_at = least(t.expires_at, $7::timestamptz)
      where t.holder_id = $3 and t.api_id = $2 and t.is_current and t.state <> 0 and exists (select from live) returning 1
    ), made as (
      insert into tokens_status (list, idx, holder_id, api_id, principal_id, expires_at)
      select $4::int, $5::int, $3::uuid, $2::uuid, $1::uuid, $6::timestamptz from who, live where (select count(*) from behind) >= 0
      on conflict do nothing returning 1
    ) select (select version from who) as version, exists (select from live) as is_live, exists (select from made) as is_made`,
});
const allocateStatements = {
  session: allocateStatement('session'),
  grant: allocateStatement('grant'),
  principal: allocateStatement('principal'),
};

/** More failures than this in a row in the lists there are: another list is begun. */
export const TRIES = 6;

/**
 * The place of the holder's next token, a fresh one where it has none that still says "valid"; with the version of its principal
 * that this place belongs to. Null when the holder or its principal is over.
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
    const fresh = randomIndex(1 + Math.floor(tries / TRIES));
    const values = [
      owner.principal,
      owner.api,
      owner.id,
      fresh.list,
      fresh.idx,
      until,
      plusSeconds(now, LINGER_SECONDS),
    ];
    const [row] = await runOn<{ version: number | null; is_live: boolean; is_made: boolean }>(
      from,
      allocateStatements[owner.kind],
      values,
    );
    if (!row?.is_live || row.version === null) return null;
    if (row.is_made) return { statusIndex: fresh, version: row.version };
  }
}

/** A place of that list, perhaps somebody's. */
export function randomIndex(list: number): StatusIndex {
  return { list, idx: randomInt(LIST_LENGTH) };
}

const freeIndexStatement: Statement = {
  name: 'tokens-free-place',
  text: `select f.list, f.idx from unnest($1::int[], $2::int[]) with ordinality f(list, idx, n)
    where not exists (select from tokens_status t where t.list = f.list and t.idx = f.idx) order by f.n limit 1`,
};

/** A place that was nobody's a moment ago, in the first lists that have one. */
export async function findFreeIndex(db: Database): Promise<StatusIndex> {
  for (let list = 1; ; list++) {
    const candidates = Array.from({ length: TRIES }, () => randomIndex(list));
    const [found] = await db.query<StatusIndex>(freeIndexStatement, [
      candidates.map((one) => one.list),
      candidates.map((one) => one.idx),
    ]);
    if (found) return found;
  }
}

/** `sub` of a list, and `uri` in the tokens that stand in it. */
export function statusListUri(issuer: string, list: number): string {
  return `${issuer}/status-lists/${list}`;
}

/** Where a status claim of ours points; null for anything else. */
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

/** $1 and $2 a place in a status list. */
const ownerStatement = hotSelect(
  'tokens-status-holder',
  `select t.holder_id as id, t.principal_id as principal, case when g.id is not null then 'grant' when s.id is not null then 'session' else 'principal' end as kind,
      extract(epoch from coalesce(g.expires_at, s.expires_at))::float8 as ends_at
    from tokens_status t left join tokens_grant g on g.id = t.holder_id left join sessions_session s on s.id = t.holder_id
    where t.list = $1::int and t.idx = $2::int`,
);

interface Row {
  id: string;
  principal: string;
  kind: StatusOwner['kind'];
  ends_at: number | null;
}

/** By what an access token lives, for another token of the same principal that is to end with it; null when it has no place any more. */
export async function readStatusOwner(
  db: Database,
  issuer: string,
  { status }: Pick<AccessTokenClaims, 'status'>,
  expected: { readonly principal: string; readonly api: string },
): Promise<StatusOwner | null> {
  const place = statusIndexFromClaim(issuer, status?.status_list);
  const [row] = place ? await db.query<Row>(ownerStatement, [place.list, place.idx]) : [];
  if (!row || row.principal !== expected.principal) return null;
  return {
    kind: row.kind,
    id: row.id,
    ...expected,
    endsAt: row.ends_at === null ? null : new Date(row.ends_at * 1000),
  };
}
