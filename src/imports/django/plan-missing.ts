import type { SqlEntityManager } from '@mikro-orm/sql';
import { groupView } from '../../permissions/index.ts';
import { Failure } from '../../platform/errors.ts';
import { userView } from '../../users/index.ts';
import { readUsersById } from './existing-rows.ts';
import type { ImportedUser } from './imported-values.ts';
import type { PlanState } from './plan-state.ts';
import { stageUserChange } from './stage-user.ts';

interface Row {
  readonly kind: 'user' | 'group';
  readonly key: string;
  readonly id: string;
  readonly name: string;
  readonly digest: string;
  readonly imported: string | null;
}

/** Rows of one statement. */
const PAGE = 2000;

/** Records of earlier runs that are no longer in the dump. */
const missing = `select i.kind, i.source_pk as key, i.local_id as id, coalesce(u.username, g.name) as name,
    encode(i.imported_digest, 'hex') as digest, i.imported::text as imported
  from imports_record i left join ${userView('u')} on i.kind = 'user' and u.id = i.local_id and u.deleted_at is null
    left join ${groupView('g')} on i.kind = 'group' and g.id = i.local_id
  where i.source = ? and i.kind = ? and i.source_pk > ? and i.source_pk not like 'deleted%' and (u.id is not null or g.id is not null) order by i.source_pk limit ${PAGE}`;

/**
 * Reports users and groups that are no longer in the dump. With `--missing deactivate` the users are deactivated. Throws Failure for a dump
 * without users, which would deactivate all of them.
 */
export async function planMissing(em: SqlEntityManager, apiId: string | undefined, state: PlanState): Promise<void> {
  const { options, report, dump } = state;
  if (options.missing === 'deactivate' && (options.existing !== 'update' || dump.userKeys.size === 0))
    throw new Failure(
      'usage',
      options.existing === 'update'
        ? `${report.file} holds no users of ${report.userModel}: --missing deactivate would deactivate everybody.`
        : '--missing deactivate goes with --existing update.',
    );
  if (options.existing !== 'update' || apiId === undefined) return;
  const found = new Set([
    ...state.matched,
    ...[...state.existing.previousByKey.user.values(), ...state.existing.previousByKey.group.values()].map(
      (one) => one.localId,
    ),
  ]);
  for (const kind of ['user', 'group'] as const) {
    // A dump may lack a table.
    if (kind === 'user' ? dump.userKeys.size === 0 : dump.groups.read === 0) continue;
    for (let after = ''; ; ) {
      const rows = await em.execute<Row[]>(missing, [report.api, kind, after]);
      const missingRows = rows.filter((row) => !found.has(row.id));
      if (kind === 'user') await planMissingUsers(em, apiId, state, missingRows);
      else report.missing.push(...missingRows.map(({ key, name }) => entry(`auth.group ${key}`, name, '')));
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) break;
      after = last.key;
    }
  }
}

async function planMissingUsers(
  em: SqlEntityManager,
  apiId: string,
  state: PlanState,
  rows: readonly Row[],
): Promise<void> {
  const { report, options } = state;
  const users = await readUsersById(
    em,
    apiId,
    rows.map((row) => row.id),
  );
  for (const row of rows) {
    const local = users.get(row.id);
    if (!local) continue;
    const isDeactivated = local.isActive && options.missing === 'deactivate';
    const suffix = local.isActive ? '' : ', and is inactive';
    report.missing.push(entry(`${report.userModel} ${row.key}`, row.name, isDeactivated ? ': deactivated' : suffix));
    const last = row.imported === null ? null : (JSON.parse(row.imported) as ImportedUser);
    if (!isDeactivated) continue;
    const none = { groupsGained: [], groupsLost: [], permissionsGained: [], permissionsLost: [] };
    const imported = last && { ...last, isActive: false };
    const sides = { before: { isActive: true }, after: { isActive: false, reason: 'missing' } };
    const change = { set: { isActive: false }, role: null, ...none, imported, ...sides };
    stageUserChange(state, local, row, change, true);
  }
}

function entry(record: string, name: string, what: string) {
  return { record, name, what: `is no longer in the dump${what}` };
}
