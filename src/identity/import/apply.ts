import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Api, changeCatalogue, createApi, findApi, rightsChanged } from '../../access/index.ts';
import type { Stamp } from '../../audit/index.ts';
import { Failure } from '../../platform/failure.ts';
import type { Plan } from './planning.ts';
import { unstage } from './stage.ts';
import { inBatches } from './turns.ts';

export interface Import {
  readonly id: string;
  readonly stamp: Stamp;
  readonly plan: Plan;
}

/** The one transaction of an import: what was staged becomes users, groups and rights, or nothing does. */
export async function apply(tx: SqlEntityManager, { id, stamp, plan }: Import): Promise<void> {
  const { report } = plan;
  await checkStaged(tx, id, plan.rows.length);
  const api = report.apiCreated ? await createApi(tx, stamp, report.api) : await findApi(tx, report.api);
  if (!api) throw meanwhile(`the API ${report.api} was deleted`);
  await changeCatalogue(tx, stamp, api, plan.specs);
  await checkNames(tx, api, plan.names);
  for (const [sql, values] of statements(id, api, stamp)) await tx.execute(sql, values);
  await tellOfRights(tx, plan);
  await unstage(tx, id);
}

function meanwhile(what: string): Failure {
  return new Failure('conflict', `Nothing was imported: meanwhile ${what}. Run the import again.`);
}

async function checkStaged(tx: SqlEntityManager, id: string, expected: number): Promise<void> {
  const [row] = await tx.execute<{ count: number }[]>(
    'select count(*)::int as count from identity_import_staged where import_id = ?',
    [id],
  );
  if (row?.count !== expected) throw meanwhile('a server dropped the rows that were put aside');
}

/** The rows join permissions by name, so a name that is gone would be left out in silence. */
async function checkNames(tx: SqlEntityManager, api: Api, names: ReadonlySet<string>): Promise<void> {
  const [row] = await tx.execute<{ count: number }[]>(
    `select count(*)::int as count from access_permission where api_id = ? and removed_version is null
       and name in (select jsonb_array_elements_text(?::jsonb))`,
    [api.id, JSON.stringify([...names])],
  );
  if (row?.count !== names.size) throw meanwhile('a permission was removed');
}

const of = (...kinds: string[]) => `s.import_id = ? and s.kind in (${kinds.map((kind) => `'${kind}'`).join(', ')})`;

const live = 'join access_permission q on q.api_id = ? and q.removed_version is null and q.name';

/** In the order of the foreign keys. They write tables of other rooms: set by set, where those rooms' verbs go one by one. */
function statements(id: string, api: Api, stamp: Stamp): [string, unknown[]][] {
  const { actor } = stamp;
  return [
    [
      `insert into access_principal (id, kind) select (s.row->>'id')::uuid, 'user' from identity_import_staged s where ${of('new-user')}`,
      [id],
    ],
    [
      `insert into identity_user (id, username, username_key, email, email_key, email_verified_at, first_name, last_name, password,
         is_active, is_staff, is_superuser, date_joined, last_login, attributes)
       select (s.row->>'id')::uuid, s.row->>'username', s.row->>'usernameKey', s.row->>'email', s.row->>'emailKey', (s.row->>'emailVerifiedAt')::timestamptz,
         s.row->>'firstName', s.row->>'lastName', s.row->>'password', (s.row->>'isActive')::boolean, (s.row->>'isStaff')::boolean,
         (s.row->>'isSuperuser')::boolean, (s.row->>'dateJoined')::timestamptz, (s.row->>'lastLogin')::timestamptz, s.row->'attributes'
       from identity_import_staged s where ${of('new-user')} order by s.ordinal`,
      [id],
    ],
    [
      `insert into access_group (id, name, name_key) select (s.row->>'id')::uuid, s.row->>'name', s.row->>'nameKey'
       from identity_import_staged s where ${of('new-group')}`,
      [id],
    ],
    [
      `insert into access_group_permission (group_id, permission_id) select (s.row->>'id')::uuid, q.id
       from identity_import_staged s cross join jsonb_array_elements_text(s.row->'permissions') as held(permission) ${live} = held.permission
       where ${of('new-group', 'old-group')} on conflict do nothing`,
      [api.id, id],
    ],
    [
      `insert into access_group_member (principal_id, group_id) select (s.row->>'id')::uuid, held.group_id::uuid
       from identity_import_staged s cross join jsonb_array_elements_text(s.row->'groups') as held(group_id)
       where ${of('new-user', 'old-user')} on conflict do nothing`,
      [id],
    ],
    [
      `insert into access_assignment (principal_id, permission_id) select (s.row->>'id')::uuid, q.id
       from identity_import_staged s cross join jsonb_array_elements_text(s.row->'permissions') as held(permission) ${live} = held.permission
       where ${of('new-user', 'old-user')} on conflict do nothing`,
      [api.id, id],
    ],
    [
      `insert into access_role (principal_id, api_id, is_staff, is_superuser)
       select (s.row->>'id')::uuid, ?::uuid, (s.row->'role'->>'isStaff')::boolean, (s.row->'role'->>'isSuperuser')::boolean
       from identity_import_staged s where ${of('new-user')} and jsonb_typeof(s.row->'role') = 'object'`,
      [api.id, id],
    ],
    ...memory(id, api),
    [
      `insert into audit_entry (at, actor_kind, actor_id, actor_label, action, object_kind, object_id, object_label, after, request_id)
       select ?::timestamptz, ?, ?, ?, 'import', split_part(s.kind, '-', 2), s.row->>'id', s.row->>'label', s.row->'after', ?
       from identity_import_staged s where ${of('new-group', 'old-group', 'new-user', 'old-user')} order by s.ordinal`,
      [stamp.at, actor.kind, actor.id, actor.label, stamp.requestId ?? null, id],
    ],
    [
      `insert into audit_entry (at, actor_kind, actor_id, actor_label, action, object_kind, object_id, object_label, after, request_id)
       select ?::timestamptz, ?, ?, ?, 'import', 'permission', q.id::text, s.row->>'label', s.row->'after', ?
       from identity_import_staged s ${live} = s.row->>'name' where ${of('permission')} order by s.ordinal`,
      [stamp.at, actor.kind, actor.id, actor.label, stamp.requestId ?? null, api.id, id],
    ],
  ];
}

/** What every record became, so that a second run knows its own. */
function memory(id: string, api: Api): [string, unknown[]][] {
  const into = 'insert into identity_import (source, kind, source_pk, local_id, imported_digest)';
  return [
    [
      `${into} select ?, split_part(s.kind, '-', 2), s.row->>'key', (s.row->>'id')::uuid, decode(s.row->>'digest', 'hex')
       from identity_import_staged s where ${of('new-group', 'old-group', 'new-user', 'old-user')}`,
      [api.audience, id],
    ],
    [
      `${into} select ?, 'permission', s.row->>'key', q.id, decode(s.row->>'digest', 'hex')
       from identity_import_staged s ${live} = s.row->>'name' where ${of('permission')}`,
      [api.audience, api.id, id],
    ],
  ];
}

/** Those who existed and may do more now; whoever is new has nothing that could be stale. */
async function tellOfRights(tx: SqlEntityManager, { grown }: Plan): Promise<void> {
  const members = await tx.execute<{ id: string }[]>(
    `select distinct principal_id as id from access_group_member
     where group_id in (select x::uuid from jsonb_array_elements_text(?::jsonb) x)`,
    [JSON.stringify(grown.groups)],
  );
  const ids = new Set([...grown.principals, ...members.map((one) => one.id)]);
  await inBatches([...ids], (batch) => rightsChanged(tx, batch));
}
