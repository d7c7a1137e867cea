import { setImmediate } from 'node:timers/promises';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { AuditContext } from '../../audit/index.ts';
import { type Api, announceCatalogueChange, changeCatalogue, createApi, findApi } from '../../permissions/index.ts';
import { Failure } from '../../platform/errors.ts';
import {
  applyEffects,
  freeNames,
  gainedMemberships,
  hasActiveSuperuser,
  hasUpdates,
  isUnchanged,
  lockGroups,
  lockUsers,
  updateStatements,
} from './apply-update.ts';
import type { Plan } from './plan-state.ts';
import { deleteStagedRows } from './stage.ts';

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
    await lockUsers(tx, id);
    await lockGroups(tx, id);
    if (!(await isUnchanged(tx, id))) throw concurrentChange('a user or a group was changed');
  }
  const api = report.apiCreated ? await createApi(tx, audit, report.api) : await findApi(tx, report.api);
  if (!api) throw concurrentChange(`the API ${report.api} was deleted`);
  await changeCatalogue(tx, audit, api, plan.specs, { announces: false });
  const ids = JSON.stringify(await readIds(tx, api, plan.names));
  if (hasChanges) {
    await freeNames(tx, id);
    await inSlices(tx, rows.length, (slice) => updateStatements(ofKind, [id, ...slice], api, ids));
  }
  await inSlices(tx, rows.length, (slice) => insertStatements([id, ...slice], api, audit, ids), onProgress);
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
  tx: SqlEntityManager,
  rows: number,
  statements: (slice: [number, number]) => [string, unknown[]][],
  onProgress: (done: number) => void = () => {},
): Promise<void> {
  for (let from = 1; from <= rows; from += SLICE) {
    for (const [sql, values] of statements([from, from + SLICE - 1])) {
      await tx.execute(sql, values);
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
async function checkDeleted(tx: SqlEntityManager, id: string): Promise<void> {
  const rows = await tx.execute<unknown[]>(
    `select 1 from users_user where deleted_at is not null and id = any(array(
       select (row->>'id')::uuid from imports_staged_row where import_id = ? and kind = 'old-user')) limit 1`,
    [id],
  );
  if (rows.length > 0) throw concurrentChange('a user was deleted');
}

/** Returns permission ids by name. Throws Failure if one is missing, which would otherwise be ignored silently. */
async function readIds(tx: SqlEntityManager, api: Api, names: ReadonlySet<string>): Promise<Record<string, string>> {
  const rows = await tx.execute<{ id: string; name: string }[]>(
    'select id, name from permissions_permission where api_id = ? and removed_version is null',
    [api.id],
  );
  const ids = rows.filter((row) => names.has(row.name)).map((row) => [row.name, row.id] as const);
  if (ids.length !== names.size) throw concurrentChange('a permission was removed');
  return Object.fromEntries(ids);
}

const ofKind = (...kinds: string[]) =>
  `s.import_id = ? and s.ordinal between ? and ? and s.kind in (${kinds.map((kind) => `'${kind}'`).join(', ')})`;

/**
 * The statements that insert one slice of rows, in the order of the foreign keys. They write tables of other rooms in sets, where the
 * functions of those rooms write single rows. There are no joins: the database has no statistics of the staged rows, and would choose plans
 * that take minutes. Permissions are looked up in a JSON object instead, where a missing one violates `not null`.
 */
function insertStatements(slice: unknown[], api: Api, audit: AuditContext, ids: string): [string, unknown[]][] {
  return [
    ...objectStatements(slice, api, ids),
    ...recordStatements(slice, api, ids),
    ...auditStatements(slice, audit, ids),
  ];
}

function objectStatements(slice: unknown[], api: Api, ids: string): [string, unknown[]][] {
  return [
    [
      `insert into permissions_principal (id, kind) select (s.row->>'id')::uuid, 'user' from imports_staged_row s where ${ofKind('new-user')}`,
      slice,
    ],
    [
      `insert into users_user (id, username, username_key, email, email_key, email_verified_at, first_name, last_name, password,
         is_active, is_staff, is_superuser, date_joined, last_login, attributes)
       select (s.row->>'id')::uuid, s.row->>'username', s.row->>'usernameKey', s.row->>'email', s.row->>'emailKey', (s.row->>'emailVerifiedAt')::timestamptz,
         s.row->>'firstName', s.row->>'lastName', s.row->>'password', (s.row->>'isActive')::boolean, (s.row->>'isStaff')::boolean,
         (s.row->>'isSuperuser')::boolean, (s.row->>'dateJoined')::timestamptz, (s.row->>'lastLogin')::timestamptz, s.row->'attributes'
       from imports_staged_row s where ${ofKind('new-user')} order by s.ordinal`,
      slice,
    ],
    [
      `insert into permissions_group (id, name, name_key) select (s.row->>'id')::uuid, s.row->>'name', s.row->>'nameKey'
       from imports_staged_row s where ${ofKind('new-group')}`,
      slice,
    ],
    [
      `insert into permissions_group_permission (group_id, permission_id) select (s.row->>'id')::uuid, (?::jsonb->>held.permission)::uuid
       from imports_staged_row s cross join jsonb_array_elements_text(s.row->'permissions') as held(permission)
       where ${ofKind('new-group')} on conflict do nothing`,
      [ids, ...slice],
    ],
    [
      `insert into permissions_group_member (principal_id, group_id) select (s.row->>'id')::uuid, held.group_id::uuid
       from imports_staged_row s cross join jsonb_array_elements_text(s.row->'groups') as held(group_id)
       where ${ofKind('new-user')} on conflict do nothing`,
      slice,
    ],
    [gainedMemberships(ofKind), slice],
    [
      `insert into permissions_assignment (principal_id, permission_id) select (s.row->>'id')::uuid, (?::jsonb->>held.permission)::uuid
       from imports_staged_row s cross join jsonb_array_elements_text(s.row->'permissions') as held(permission)
       where ${ofKind('new-user')} on conflict do nothing`,
      [ids, ...slice],
    ],
    [
      `insert into permissions_role (principal_id, api_id, is_staff, is_superuser)
       select (s.row->>'id')::uuid, ?::uuid, (s.row->'role'->>'isStaff')::boolean, (s.row->'role'->>'isSuperuser')::boolean
       from imports_staged_row s where ${ofKind('new-user')} and jsonb_typeof(s.row->'role') = 'object'`,
      [api.id, ...slice],
    ],
  ];
}

function auditStatements(slice: unknown[], audit: AuditContext, ids: string): [string, unknown[]][] {
  const { actor } = audit;
  return [
    [
      `insert into audit_entry (at, actor_kind, actor_id, actor_label, action, object_kind, object_id, object_label, before, after, request_id)
       select ?::timestamptz, ?, ?, ?, 'import', split_part(s.kind, '-', 2), s.row->>'id', s.row->>'label', s.row->'before', s.row->'after', ?
       from imports_staged_row s where ${ofKind('new-group', 'old-group', 'new-user', 'old-user')} and coalesce((s.row->>'isAudited')::boolean, true)
       order by s.ordinal`,
      [audit.at, actor.kind, actor.id, actor.label, audit.requestId ?? null, ...slice],
    ],
    [
      `insert into audit_entry (at, actor_kind, actor_id, actor_label, action, object_kind, object_id, object_label, after, request_id)
       select ?::timestamptz, ?, ?, ?, 'import', 'permission', ?::jsonb->>(s.row->>'name'), s.row->>'label', s.row->'after', ?
       from imports_staged_row s where ${ofKind('permission')} order by s.ordinal`,
      [audit.at, actor.kind, actor.id, actor.label, ids, audit.requestId ?? null, ...slice],
    ],
  ];
}

/** Stores the local id of every record, so that a later run finds its objects. */
function recordStatements(slice: unknown[], api: Api, ids: string): [string, unknown[]][] {
  const into = 'insert into imports_record (source, kind, source_pk, local_id, imported_digest, imported)';
  return [
    [
      `${into} select ?, split_part(s.kind, '-', 2), s.row->>'key', (s.row->>'id')::uuid, decode(s.row->>'digest', 'hex'), s.row->'imported'
       from imports_staged_row s where ${ofKind('new-group', 'new-user')}`,
      [api.audience, ...slice],
    ],
    [
      `${into} select ?, 'permission', s.row->>'key', (?::jsonb->>(s.row->>'name'))::uuid, decode(s.row->>'digest', 'hex'), s.row->'imported'
       from imports_staged_row s where ${ofKind('permission')}`,
      [api.audience, ids, ...slice],
    ],
  ];
}

const TABLES = [
  'permissions_permission',
  'permissions_group',
  'permissions_group_member',
  'permissions_group_permission',
  'permissions_assignment',
  'permissions_role',
  'users_user',
  'imports_record',
];

/**
 * Updates the planner's statistics. PostgreSQL does so within a minute, the embedded engine never; until then
 * every login would scan whole tables. Errors are ignored: a role without the privilege gets a warning.
 */
export async function analyzeTables(em: SqlEntityManager): Promise<void> {
  for (const table of TABLES) {
    await em.execute(`analyze ${table}`).catch(() => {});
    await setImmediate();
  }
}
