import type { SqlEntityManager } from '@mikro-orm/sql';
import { anyId } from './known.ts';
import type { Planning, Staged } from './planning.ts';
import type { Entry } from './report.ts';

const RULES = 'is_superuser and is_active and deleted_at is null';

/** Those by whose loss Signet would have no active superuser any more: none where the plan leaves or makes one. */
export async function findLastSuperusers(em: SqlEntityManager, planning: Planning): Promise<Entry[]> {
  const { rows, report } = planning;
  const losers = new Map(rows.filter(isLosing).map(({ row }) => [String(row['id']), String(row['key'])]));
  if (losers.size === 0 || rows.some((one) => isMaking(planning, one))) return [];
  const ids = JSON.stringify([...losers.keys()]);
  const [other] = await em.execute<unknown[]>(
    `select 1 from users_user where ${RULES} and not (id = ${anyId}) limit 1`,
    [ids],
  );
  if (other) return [];
  const last = await em.execute<{ id: string; username: string }[]>(
    `select id::text as id, username from users_user where ${RULES} and id = ${anyId} order by id`,
    [ids],
  );
  return last.map(({ id, username }) => ({
    record: `${report.userModel} ${losers.get(id)}`,
    name: username,
    what: 'would be lost as a superuser of Signet, and nobody else is one',
  }));
}

function stagedFields({ kind, row }: Staged): Readonly<Record<string, unknown>> {
  return kind === 'old-user' ? (row['set'] as Record<string, unknown>) : {};
}

function isLosing(one: Staged): boolean {
  const { isActive, isSuperuser } = stagedFields(one);
  return isActive === false || isSuperuser === false;
}

/** Whether a row makes an active superuser of somebody. */
function isMaking({ present }: Planning, one: Staged): boolean {
  if (one.kind === 'new-user') return one.row['isActive'] === true && one.row['isSuperuser'] === true;
  const { isActive, isSuperuser } = stagedFields(one);
  if (isActive !== true && isSuperuser !== true) return false;
  const here = present.users.get(String(one.row['id']));
  return here !== undefined && (isActive ?? here.isActive) === true && (isSuperuser ?? here.own.isSuperuser) === true;
}
