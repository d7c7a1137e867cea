import type { SqlEntityManager } from '@mikro-orm/sql';
import { anyId } from '../../platform/database/index.ts';
import { userView } from '../../users/index.ts';
import type { PlannedRow, PlanState } from './plan-state.ts';
import type { Entry } from './report.ts';

const ACTIVE_SUPERUSER = 'u.is_superuser and u.is_active and u.deleted_at is null';

/** Returns the last active superusers of Signet that a plan would remove; empty if it leaves or creates one. */
export async function findLastSuperusers(em: SqlEntityManager, state: PlanState): Promise<Entry[]> {
  const { rows, report } = state;
  const removed = new Map(rows.filter(removesSuperuser).map(({ row }) => [String(row['id']), String(row['key'])]));
  if (removed.size === 0 || rows.some((one) => addsSuperuser(state, one))) return [];
  const ids = JSON.stringify([...removed.keys()]);
  const [other] = await em.execute<unknown[]>(
    `select 1 from ${userView('u')} where ${ACTIVE_SUPERUSER} and not (u.id = ${anyId}) limit 1`,
    [ids],
  );
  if (other) return [];
  const last = await em.execute<{ id: string; username: string }[]>(
    `select u.id::text as id, u.username from ${userView('u')} where ${ACTIVE_SUPERUSER} and u.id = ${anyId} order by u.id`,
    [ids],
  );
  return last.map(({ id, username }) => ({
    record: `${report.userModel} ${removed.get(id)}`,
    name: username,
    what: 'would be lost as a superuser of Signet, and nobody else is one',
  }));
}

function stagedFields({ kind, row }: PlannedRow): Readonly<Record<string, unknown>> {
  return kind === 'old-user' ? (row['set'] as Record<string, unknown>) : {};
}

function removesSuperuser(one: PlannedRow): boolean {
  const { isActive, isSuperuser } = stagedFields(one);
  return isActive === false || isSuperuser === false;
}

/** Returns whether a row creates an active superuser. */
function addsSuperuser({ existing }: PlanState, one: PlannedRow): boolean {
  if (one.kind === 'new-user') return one.row['isActive'] === true && one.row['isSuperuser'] === true;
  const { isActive, isSuperuser } = stagedFields(one);
  if (isActive !== true && isSuperuser !== true) return false;
  const local = existing.users.get(String(one.row['id']));
  return (
    local !== undefined && (isActive ?? local.isActive) === true && (isSuperuser ?? local.own.isSuperuser) === true
  );
}
