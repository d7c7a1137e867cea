import type { SqlEntityManager } from '@mikro-orm/sql';
import type { AffectedPrincipals, RightsChange } from '../../permissions/index.ts';
import type { Database, Statement } from '../../platform/database/index.ts';
import { plusSeconds } from '../../platform/time.ts';
import type { AccessTokenClaims } from '../claims.ts';
import type { StatusIndex } from './status-index.ts';

/** What an index of a status list says (draft-ietf-oauth-status-list-21 §7); 3 is Signet's own. */
export const STATUS = { valid: 0, revoked: 1, suspended: 2, superseded: 3 } as const;

/** The channel on which processes hear that a state has moved. */
export const STATUS_CHANNEL = 'signet_status';

/** The longest life of a token and of a signed list, and some clock: after that nobody looks at an index any more. */
export const LINGER_SECONDS = 900 + 300 + 60;

/**
 * What tokens say of these rights is not true any more: too much (suspended) or too little (superseded). A state moves only
 * 0 → 3 → 2 → 1, never back, and only at the APIs that are meant. Nobody has to log in again because of it.
 */
export async function updateStatuses(
  tx: SqlEntityManager,
  affected: AffectedPrincipals,
  { kind, apis }: RightsChange,
): Promise<number> {
  if (apis?.length === 0) return 0;
  if ('apiDeletedAt' in affected) return revokeApiStatuses(tx, apis ?? [], affected.apiDeletedAt);
  return applyRightsChange(tx, `principal_id in (${placeholders(affected.principals)})`, affected.principals, {
    kind,
    apis,
  });
}

/**
 * What a client may carry of its users' rights has changed, which its tokens for them say. The caller has given the client's
 * principal a new version, and so holds its row: no grant of it is opened meanwhile (its foreign key waits). Its grants are held
 * here, in a statement of their own, because who mints takes the place first, which waits for the grant, and reads the ceiling
 * afterwards: a place is there before these rows are held, and is moved, or it is taken after the change, which is then read. What was
 * exchanged through the client moves with them: its places are taken under its principal's row.
 */
export async function updateClientStatuses(
  tx: SqlEntityManager,
  client: string,
  change: RightsChange,
): Promise<number> {
  if (change.apis?.length === 0) return 0;
  const live = 'select id from tokens_grant where client_id = ? and ended_at is null';
  await tx.execute(
    `with held as materialized (${live} order by id for no key update) select count(*)::int as held from held`,
    [client],
  );
  const whose = `(list, idx) in (select list, idx from tokens_status where holder_id in (${live})
    union all select list, idx from tokens_status where ${DELEGATED_THROUGH})`;
  return applyRightsChange(tx, whose, [client, client], change);
}

/** What was exchanged through a principal. */
const DELEGATED_THROUGH = 'through @> array[?]::uuid[]';

/** `whose` selects the places; `values` are those of its placeholders. */
function applyRightsChange(
  tx: SqlEntityManager,
  whose: string,
  values: readonly unknown[],
  { kind, apis }: RightsChange,
): Promise<number> {
  const state = kind === 'removed' ? STATUS.suspended : STATUS.superseded;
  const from = kind === 'removed' ? [STATUS.valid, STATUS.superseded] : [STATUS.valid];
  const where = [
    whose,
    `state in (${from.join(', ')})`,
    ...(apis === null ? [] : [`api_id in (${placeholders(apis)})`]),
    // An API whose verifiers know the value 0 alone hears of additions at the next refresh.
    ...(kind === 'added' ? ['api_id in (select id from permissions_api where with_superseded)'] : []),
  ];
  return setStatus(tx, `state = ${state}`, where.join(' and '), [...values, ...(apis ?? [])]);
}

/** An API is gone: what was issued for it says nothing any more, and its places are free when the last of it has expired. */
async function revokeApiStatuses(tx: SqlEntityManager, apis: readonly string[], at: Date): Promise<number> {
  if (apis.length === 0) return 0;
  const until = plusSeconds(at, LINGER_SECONDS);
  const set = `state = ${STATUS.revoked}, is_current = false, expires_at = least(t.expires_at, ?)`;
  return setStatus(tx, set, `api_id in (${placeholders(apis)}) and state <> ${STATUS.revoked}`, [until, ...apis]);
}

/**
 * The session, the grant or the principal is over: log in again. Those left behind, whose tokens still live, end too. `through` is a
 * principal that is over: with it ends what was exchanged through it.
 */
export async function revokeStatuses(
  tx: SqlEntityManager,
  at: Date,
  owners: readonly string[],
  actors: readonly string[] = [],
): Promise<void> {
  const whose = [
    ...(owners.length === 0 ? [] : [`holder_id in (${placeholders(owners)})`]),
    ...actors.map(() => DELEGATED_THROUGH),
  ];
  if (whose.length === 0) return;
  const until = plusSeconds(at, LINGER_SECONDS);
  await setStatus(
    tx,
    `state = ${STATUS.revoked}, is_current = false, expires_at = least(t.expires_at, ?)`,
    `(${whose.join(' or ')}) and state <> ${STATUS.revoked}`,
    [until, ...owners, ...actors],
  );
}

/**
 * One of the tokens that stand here was revoked: its siblings go and get another, and nobody logs in. So does what was exchanged for one
 * of them; what it was itself exchanged for stays.
 *
 * Until there is nothing left, each time in a transaction of its own. Whoever exchanges one of these tokens takes the place of the new
 * one first and looks at the old one again afterwards (`isStillGood`): it is seen to be suspended, or it was looked at before that was
 * committed, and then the new place is there for the next time round. So neither holds a lock that the other waits for.
 */
export async function suspendIndex(db: Database, index: StatusIndex): Promise<void> {
  while ((await db.fork().transactional((tx) => suspendOnce(tx, index))) > 0);
}

function suspendOnce(tx: SqlEntityManager, { list, idx }: StatusIndex): Promise<number> {
  const whose = `(list, idx) in (select ?::int, ?::int union all
    select made.list, made.idx from tokens_status t join tokens_status made on made.holder_id = t.holder_id and made.through @> coalesce(t.through, '{}')
    where t.list = ? and t.idx = ?)`;
  const from = `state in (${STATUS.valid}, ${STATUS.superseded})`;
  return setStatus(tx, `state = ${STATUS.suspended}`, `${whose} and ${from}`, [list, idx, list, idx]);
}

/** Rows are locked in one order, so that two moves that meet follow each other. Answers how many there were. */
async function setStatus(
  tx: SqlEntityManager,
  set: string,
  where: string,
  values: readonly unknown[],
): Promise<number> {
  const [given, found] = [values.slice(0, countPlaceholders(set)), values.slice(countPlaceholders(set))];
  const [row] = await tx.execute<{ moved: number }[]>(
    `with held as materialized (select list, idx from tokens_status where ${where} order by list, idx for update), moved as (
       update tokens_status t set ${set}, changed = pg_current_xact_id() from held
       where t.list = held.list and t.idx = held.idx returning 1
     ) select count(*)::int as moved from moved`,
    [...found, ...given],
  );
  const moved = row?.moved ?? 0;
  if (moved > 0) await tx.execute('select pg_notify(?, ?)', [STATUS_CHANNEL, '']);
  return moved;
}

function countPlaceholders(sql: string): number {
  return sql.split('?').length - 1;
}

function placeholders(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ');
}

const add: Statement = {
  name: 'tokens-revoke',
  text: 'insert into tokens_revoked (jti, expires_at) values ($1, to_timestamp($2::float8)) on conflict (jti) do nothing',
};

/** Makes one access token dead until it would have expired anyway (RFC 7009 §2). */
export async function revokeToken(db: Database, claims: Pick<AccessTokenClaims, 'jti' | 'exp'>): Promise<void> {
  await db.query(add, [claims.jti, claims.exp]);
}
