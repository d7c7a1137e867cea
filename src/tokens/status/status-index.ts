import { randomInt } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Database, hotSelect, runOn, type Statement } from '../../platform/database/index.ts';
import { plusSeconds } from '../../platform/time.ts';
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
  readonly place: StatusIndex | null;
}

const mint = hotSelect(
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
    mint,
    [principal, api, holder],
  );
  if (!row) return { principal: null, api: null, place: null };
  return { principal: row.principal, api: row.api, place: row.list === null ? null : { list: row.list, idx: row.idx } };
}

/** $3 holder: its row is locked against whoever ends it. */
export const isLive = {
  session: 'select 1 from sessions_session s where s.id = $3 and s.ended_at is null for share of s',
  grant: 'select 1 from tokens_grant g where g.id = $3 and g.ended_at is null for share of g',
  principal: 'select 1 where $3::uuid is not null',
};

/**
 * $1 principal, $2 API, $3 holder, $4 list, $5 index, $6 until when, $7 how long one left behind lingers. The rows of the principal
 * and of the holder are locked against whoever changes or ends them: what they write afterwards sees this place.
 */
const place = (kind: StatusOwner['kind']): Statement => ({
  name: `tokens-place-${kind}`,
  text: `with who as materialized (
      select p.perms_version::int as version from permissions_principal p where p.id = $1 for share of p
    ), live as materialized (
      ${isLive[kind]}
    ), behind as (
      update tokens_status t set is_current = false, expires_at = least(t.expires_at, $7::timestamptz)
      where t.holder_id = $3 and t.api_id = $2 and t.is_current and t.state <> 0 and exists (select from live) returning 1
    ), made as (
      insert into tokens_status (list, idx, holder_id, api_id, principal_id, expires_at)
      select $4::int, $5::int, $3::uuid, $2::uuid, $1::uuid, $6::timestamptz from who, live where (select count(*) from behind) >= 0
      on conflict do nothing returning 1
    ) select (select version from who) as version, exists (select from live) as is_live, exists (select from made) as is_made`,
});
const statements = { session: place('session'), grant: place('grant'), principal: place('principal') };

/** More failures than this in a row in the lists there are: another list is begun. */
export const TRIES = 6;

/**
 * The place of the holder's next token, a fresh one where it has none that still says "valid"; with the version of its principal
 * that this place belongs to. Null when the holder or its principal is over.
 */
export async function allocateIndex(
  from: Database | SqlEntityManager,
  of: StatusOwner,
  now: Date,
): Promise<{ place: StatusIndex; version: number } | null> {
  const until = of.endsAt === null ? new Date('9999-12-31T00:00:00Z') : plusSeconds(of.endsAt, LINGER_SECONDS);
  for (let tries = 0; ; tries++) {
    const known = await readIssueSnapshot(from, of.principal, of.api, of.id);
    if (known.principal === null) return null;
    if (known.place) return { place: known.place, version: known.principal };
    const fresh = randomIndex(1 + Math.floor(tries / TRIES));
    const values = [of.principal, of.api, of.id, fresh.list, fresh.idx, until, plusSeconds(now, LINGER_SECONDS)];
    const [row] = await runOn<{ version: number | null; is_live: boolean; is_made: boolean }>(
      from,
      statements[of.kind],
      values,
    );
    if (!row?.is_live || row.version === null) return null;
    if (row.is_made) return { place: fresh, version: row.version };
  }
}

/** A place of that list, perhaps somebody's. */
export function randomIndex(list: number): StatusIndex {
  return { list, idx: randomInt(LIST_LENGTH) };
}

const free: Statement = {
  name: 'tokens-free-place',
  text: `select f.list, f.idx from unnest($1::int[], $2::int[]) with ordinality f(list, idx, n)
    where not exists (select from tokens_status t where t.list = f.list and t.idx = f.idx) order by f.n limit 1`,
};

/** A place that was nobody's a moment ago, in the first lists that have one. */
export async function findFreeIndex(db: Database): Promise<StatusIndex> {
  for (let list = 1; ; list++) {
    const some = Array.from({ length: TRIES }, () => randomIndex(list));
    const [found] = await db.query<StatusIndex>(free, [some.map((one) => one.list), some.map((one) => one.idx)]);
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
