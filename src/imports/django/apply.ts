import { setImmediate } from 'node:timers/promises';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChanges } from '../../audit/index.ts';
import {
  type Api,
  analyzePermissions,
  announceCatalogueChange,
  changeCatalogue,
  createApi,
  findApi,
  insertAssignments,
  insertGroupPermissions,
  insertGroups,
  insertMembers,
  insertPrincipals,
  livePermission,
  permissionView,
  setRoles,
} from '../../permissions/index.ts';
import { analyzeTables, bulkInsert } from '../../platform/database/index.ts';
import { Failure } from '../../platform/errors.ts';
import { analyzeUsers, insertUsers, userView } from '../../users/index.ts';
import {
  applyEffects,
  freeNames,
  hasActiveSuperuser,
  hasUpdates,
  isUnchanged,
  lockChangedRows,
  updates,
} from './apply-update.ts';
import type { Task } from './batches.ts';
import type { Plan } from './plan-state.ts';
import { deleteStagedRows } from './stage.ts';
import {
  assignments,
  groupPermissions,
  memberships,
  ROW_ID,
  roles,
  type StagedRange,
  stagedRows,
} from './staged-rows.ts';

export interface ImportRun {
  readonly id: string;
  readonly audit: AuditContext;
  readonly plan: Plan;
}

/** Staged rows per statement: on the embedded engine a statement blocks the event loop. */
const SLICE = 2000;

/** Converts the staged rows to users, groups and rights, in the one transaction of the import. */
export async function apply(
  tx: SqlEntityManager,
  { id, audit, plan }: ImportRun,
  onProgress: (done: number) => void,
): Promise<void> {
  const { report, rows } = plan;
  await checkStaged(tx, id, rows.length);
  await checkDeleted(tx, id);
  const hasChanges = hasUpdates(plan);
  const couldAdminister = hasChanges && (await hasActiveSuperuser(tx));
  if (hasChanges) {
    await lockChangedRows(tx, id);
    if (!(await isUnchanged(tx, id))) throw concurrentChange('a user or a group was changed');
  }
  const api = report.apiCreated ? await createApi(tx, audit, report.api) : await findApi(tx, report.api);
  if (!api) throw concurrentChange(`the API ${report.api} was deleted`);
  await changeCatalogue(tx, audit, api, plan.specs, { announces: false });
  const ids = JSON.stringify(await readIds(tx, api, plan.names));
  if (hasChanges) {
    await freeNames(tx, id);
    await inSlices(id, rows.length, (slice) => updates(tx, slice, api, ids));
  }
  const inserts = (slice: StagedRange) => [
    ...insertObjects(tx, slice, api, ids),
    ...insertRecords(tx, slice, api, ids),
    ...insertEntries(tx, slice, audit, ids),
  ];
  await inSlices(id, rows.length, inserts, onProgress);
  if (hasChanges) await applyEffects(tx, audit, plan, api);
  if (couldAdminister && !(await hasActiveSuperuser(tx)))
    throw new Failure(
      'conflict',
      'Nothing was imported: it would take the last active superuser of Signet. Make another one first: npx signet createsuperuser',
    );
  await deleteStagedRows(tx, id);
  await announceCatalogueChange(tx);
}

async function inSlices(
  importId: string,
  rows: number,
  tasks: (slice: StagedRange) => Task[],
  onProgress: (done: number) => void = () => {},
): Promise<void> {
  for (let from = 1; from <= rows; from += SLICE) {
    for (const run of tasks({ importId, ordinals: [from, from + SLICE - 1] })) {
      await run();
      onProgress(from - 1);
      // The embedded engine resolves in microtasks only: this lets other requests run.
      await setImmediate();
    }
  }
}

function concurrentChange(what: string): Failure {
  return new Failure('conflict', `Nothing was imported: meanwhile ${what}. Run the import again.`);
}

async function checkStaged(tx: SqlEntityManager, id: string, expected: number): Promise<void> {
  const [row] = await tx.execute<{ count: number }[]>(
    'select count(*)::int as count from imports_staged_row where import_id = ?',
    [id],
  );
  if (row?.count !== expected) throw concurrentChange('a server dropped the rows that were put aside');
}

/** Refuses changes of a user who was deleted since the plan was made. */
async function checkDeleted(tx: SqlEntityManager, importId: string): Promise<void> {
  const { sql, values } = stagedRows({ importId }, ['old-user'], ROW_ID);
  const rows = await tx.execute<unknown[]>(
    `select 1 from ${userView('u')} where u.deleted_at is not null and u.id = any(array(${sql})) limit 1`,
    [...values],
  );
  if (rows.length > 0) throw concurrentChange('a user was deleted');
}

/** Returns permission ids by name. Throws Failure if one is missing, which would otherwise be ignored silently. */
async function readIds(tx: SqlEntityManager, api: Api, names: ReadonlySet<string>): Promise<Record<string, string>> {
  const rows = await tx.execute<{ id: string; name: string }[]>(
    `select q.id, q.name from ${permissionView('q')} where q.api_id = ? and ${livePermission()}`,
    [api.id],
  );
  const ids = rows.filter((row) => names.has(row.name)).map((row) => [row.name, row.id] as const);
  if (ids.length !== names.size) throw concurrentChange('a permission was removed');
  return Object.fromEntries(ids);
}

const USER = `${ROW_ID} as id, s.row->>'username' as username, s.row->>'usernameKey' as username_key, s.row->>'email' as email,
  s.row->>'emailKey' as email_key, (s.row->>'emailVerifiedAt')::timestamptz as email_verified_at, s.row->>'firstName' as first_name,
  s.row->>'lastName' as last_name, s.row->>'password' as password, (s.row->>'isActive')::boolean as is_active,
  (s.row->>'isStaff')::boolean as is_staff, (s.row->>'isSuperuser')::boolean as is_superuser,
  (s.row->>'dateJoined')::timestamptz as date_joined, (s.row->>'lastLogin')::timestamptz as last_login, s.row->'attributes' as attributes`;

const GROUP = `${ROW_ID} as id, s.row->>'name' as name, s.row->>'nameKey' as name_key`;

/** The statements that insert the objects of one slice of rows, in the order of the foreign keys. */
function insertObjects(tx: SqlEntityManager, slice: StagedRange, api: Api, ids: string): Task[] {
  return [
    () => insertPrincipals(tx, stagedRows(slice, ['new-user'], `${ROW_ID} as id, 'user' as kind`)),
    () => insertUsers(tx, stagedRows(slice, ['new-user'], USER, { isOrdered: true })),
    () => insertGroups(tx, stagedRows(slice, ['new-group'], GROUP)),
    () => insertGroupPermissions(tx, groupPermissions(slice, 'new-group', 'permissions', ids)),
    () => insertMembers(tx, memberships(slice, 'new-user', 'groups')),
    // After the new groups, of which these memberships may be.
    () => insertMembers(tx, memberships(slice, 'old-user', 'groupsGained')),
    () => insertAssignments(tx, assignments(slice, 'new-user', 'permissions', ids)),
    () => setRoles(tx, roles(slice, 'new-user', api)),
  ];
}

const insertImportRecords = bulkInsert(
  'imports_record',
  'source, kind, source_pk, local_id, imported_digest, imported',
);

/** Stores the local id of every record, so that a later run finds its objects. */
function insertRecords(tx: SqlEntityManager, slice: StagedRange, { audience }: Api, ids: string): Task[] {
  const rest = "decode(s.row->>'digest', 'hex') as imported_digest, s.row->'imported' as imported";
  const key = "?::text as source, split_part(s.kind, '-', 2) as kind, s.row->>'key' as source_pk";
  const permissionKey = "?::text as source, s.kind, s.row->>'key' as source_pk";
  const objects = stagedRows(slice, ['new-group', 'new-user'], `${key}, ${ROW_ID} as local_id, ${rest}`, {
    values: [audience],
  });
  const permissions = stagedRows(
    slice,
    ['permission'],
    `${permissionKey}, (?::jsonb->>(s.row->>'name'))::uuid as local_id, ${rest}`,
    { values: [audience, ids] },
  );
  return [() => insertImportRecords(tx, objects), () => insertImportRecords(tx, permissions)];
}

function insertEntries(tx: SqlEntityManager, slice: StagedRange, audit: AuditContext, ids: string): Task[] {
  const objects = stagedRows(
    slice,
    ['new-group', 'old-group', 'new-user', 'old-user'],
    `split_part(s.kind, '-', 2) as object_kind, s.row->>'id' as object_id, s.row->>'label' as object_label,
     s.row->'before' as before, s.row->'after' as after`,
    { where: "coalesce((s.row->>'isAudited')::boolean, true)", isOrdered: true },
  );
  const permissions = stagedRows(
    slice,
    ['permission'],
    `'permission' as object_kind, ?::jsonb->>(s.row->>'name') as object_id, s.row->>'label' as object_label,
     null::jsonb as before, s.row->'after' as after`,
    { values: [ids], isOrdered: true },
  );
  return [() => recordChanges(tx, audit, 'import', objects), () => recordChanges(tx, audit, 'import', permissions)];
}

/** Updates the planner's statistics of all tables that an import writes. */
export async function analyzeImported(em: SqlEntityManager): Promise<void> {
  await analyzePermissions(em);
  await analyzeUsers(em);
  await analyzeTables(em, 'imports_record');
}
