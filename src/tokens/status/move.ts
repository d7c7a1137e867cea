import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Affected, RightsChange } from '../../access/index.ts';
import { plusSeconds } from '../../platform/time.ts';
import type { StatusPlace } from './place.ts';

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
export async function rightsChanged(tx: SqlEntityManager, who: Affected, { kind, apis }: RightsChange): Promise<void> {
  if (apis?.length === 0) return;
  const holders =
    'group' in who ? 'select principal_id from access_group_member where group_id = ?' : marks(who.principals);
  const state = kind === 'removed' ? STATUS.suspended : STATUS.superseded;
  const from = kind === 'removed' ? [STATUS.valid, STATUS.superseded] : [STATUS.valid];
  const where = [
    `principal_id in (${holders})`,
    `state in (${from.join(', ')})`,
    ...(apis === null ? [] : [`api_id in (${marks(apis)})`]),
    // An API whose verifiers know the value 0 alone hears of additions at the next refresh.
    ...(kind === 'added' ? ['api_id in (select id from access_api where with_superseded)'] : []),
  ];
  const values = [...('group' in who ? [who.group] : who.principals), ...(apis ?? [])];
  await move(tx, `state = ${state}`, where.join(' and '), values);
}

/** The session, the grant or the principal is over: log in again. Those left behind, whose tokens still live, end too. */
export async function endHolders(tx: SqlEntityManager, at: Date, holders: readonly string[]): Promise<void> {
  if (holders.length === 0) return;
  const until = plusSeconds(at, LINGER_SECONDS);
  await move(
    tx,
    `state = ${STATUS.revoked}, is_current = false, expires_at = least(expires_at, ?)`,
    `holder_id in (${marks(holders)}) and state <> ${STATUS.revoked}`,
    [until, ...holders],
  );
}

/** One of the tokens that stand here was revoked: its siblings go and get another, and nobody logs in. */
export async function suspendPlace(tx: SqlEntityManager, { list, idx }: StatusPlace): Promise<void> {
  const from = `state in (${STATUS.valid}, ${STATUS.superseded})`;
  await move(tx, `state = ${STATUS.suspended}`, `list = ? and idx = ? and ${from}`, [list, idx]);
}

async function move(tx: SqlEntityManager, set: string, where: string, values: readonly unknown[]): Promise<void> {
  const moved = await tx.execute<{ moved: number }[]>(
    `with moved as (update tokens_status set ${set}, changed = pg_current_xact_id() where ${where} returning 1)
     select count(*)::int as moved from moved`,
    [...values],
  );
  if ((moved[0]?.moved ?? 0) > 0) await tx.execute('select pg_notify(?, ?)', [STATUS_CHANNEL, '']);
}

function marks(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ');
}
