import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AffectedPrincipals, apiView, type RightsChange } from '../../permissions/index.ts';
import { announce, type Database, placeholders, type Statement, type Topic } from '../../platform/database/index.ts';
import { plusSeconds } from '../../platform/time.ts';
import type { AccessTokenClaims } from '../claims.ts';
import type { StatusIndex } from './status-index.ts';

/** The states of an index (draft-ietf-oauth-status-list-21 §7); 3 is Signet's own. */
export const STATUS = { valid: 0, revoked: 1, suspended: 2, superseded: 3 } as const;

/** Changed states. A counted version would make every logout and every change of rights wait for the one before; `changed` orders them. */
export const STATUS_TOPIC: Topic = { name: 'status', hasOwnVersion: true };

/**
 * The longest lifetime of a token and of a signed list, and a margin for clocks: after that no verifier reads the
 * index.
 */
export const LINGER_SECONDS = 900 + 300 + 60;

/**
 * Updates the status of tokens whose rights have changed: too many permissions (suspended) or too few (superseded). A
 * state changes only 0 → 3 → 2 → 1, never back, and only at the given APIs. No user has to sign in again because of it.
 */
export async function updateStatuses(
  tx: SqlEntityManager,
  affected: AffectedPrincipals,
  { kind, apis }: RightsChange,
): Promise<number> {
  if (apis?.length === 0) return 0;
  if ('apiDeletedAt' in affected) return revokeApiStatuses(tx, apis ?? [], affected.apiDeletedAt);
  return applyRightsChange(tx, `principal_id in (${placeholders(affected.principals.length)})`, affected.principals, {
    kind,
    apis,
  });
}

/**
 * Updates the status of a client's user tokens after a change of what it may carry. The caller has given the client's
 * principal a new version, and so holds its row: no grant of it is opened meanwhile (its foreign key waits). The
 * client's grants are locked here, in a separate statement: a token request first allocates the index, which waits for
 * the grant, and then reads the boundary. So its index either exists before these rows are locked and is updated, or it
 * is allocated after the change, which is then read. Tokens exchanged through the client are updated as well: their
 * indexes are allocated under its principal's row.
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

/** Selects tokens exchanged through a principal. */
const DELEGATED_THROUGH = 'through @> array[?]::uuid[]';

/** `whose` selects the indexes; `values` are those of its placeholders. */
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
    ...(apis === null ? [] : [`api_id in (${placeholders(apis.length)})`]),
    // At an API whose verifiers know only the value 0, additions take effect at the next refresh.
    ...(kind === 'added' ? [`api_id in (select a.id from ${apiView('a')} where a.with_superseded)`] : []),
  ];
  return setStatus(tx, `state = ${state}`, where.join(' and '), [...values, ...(apis ?? [])]);
}

/** Revokes all tokens of deleted APIs; their indexes are free when the last token has expired. */
async function revokeApiStatuses(tx: SqlEntityManager, apis: readonly string[], at: Date): Promise<number> {
  if (apis.length === 0) return 0;
  const until = plusSeconds(at, LINGER_SECONDS);
  const set = `state = ${STATUS.revoked}, is_current = false, expires_at = least(t.expires_at, ?)`;
  return setStatus(tx, set, `api_id in (${placeholders(apis.length)}) and state <> ${STATUS.revoked}`, [
    until,
    ...apis,
  ]);
}

/**
 * Revokes all tokens of ended sessions, grants or principals, those under former indexes too; their users sign in
 * again. `actors`: ended principals; tokens exchanged through them are revoked as well.
 */
export async function revokeStatuses(
  tx: SqlEntityManager,
  at: Date,
  owners: readonly string[],
  actors: readonly string[] = [],
): Promise<void> {
  const whose = [
    ...(owners.length === 0 ? [] : [`holder_id in (${placeholders(owners.length)})`]),
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
 * Suspends an index after one of its tokens was revoked: its other tokens are replaced at the next refresh, and no user
 * signs in again. Tokens exchanged for one of them are suspended too; the token that it was itself exchanged for is
 * not.
 *
 * Repeats until nothing is left, each time in a new transaction. An exchange of one of these tokens first allocates the
 * new token's index and then checks the old one again (`isStillExchangeable`): it either sees the suspension, or it
 * checked before the suspension was committed, and then the next round finds the new index. Neither holds a lock that
 * the other waits for.
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

/**
 * Sets the state of the selected indexes and returns how many there were. Rows are locked in one order, so that two
 * concurrent updates follow each other.
 */
async function setStatus(
  tx: SqlEntityManager,
  set: string,
  where: string,
  values: readonly unknown[],
): Promise<number> {
  const [setValues, whereValues] = [values.slice(0, countPlaceholders(set)), values.slice(countPlaceholders(set))];
  const [row] = await tx.execute<{ moved: number }[]>(
    `with held as materialized (select list, idx from tokens_status where ${where} order by list, idx for update), moved as (
       update tokens_status t set ${set}, changed = pg_current_xact_id() from held
       where t.list = held.list and t.idx = held.idx returning 1
     ) select count(*)::int as moved from moved`,
    [...whereValues, ...setValues],
  );
  const count = row?.moved ?? 0;
  if (count > 0) await announce(tx, STATUS_TOPIC);
  return count;
}

function countPlaceholders(sql: string): number {
  return sql.split('?').length - 1;
}

const revokeStatement: Statement = {
  name: 'tokens-revoke',
  text: 'insert into tokens_revoked (jti, expires_at) values ($1, to_timestamp($2::float8)) on conflict (jti) do nothing',
};

/** Revokes one access token until it would have expired (RFC 7009 §2). */
export async function revokeToken(db: Database, claims: Pick<AccessTokenClaims, 'jti' | 'exp'>): Promise<void> {
  await db.query(revokeStatement, [claims.jti, claims.exp]);
}
