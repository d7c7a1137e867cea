import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordEvent } from '../../audit/index.ts';
import { type Api, invalidateRights } from '../../permissions/index.ts';
import { endSessions } from '../../sessions/index.ts';
import { findSuperuser } from '../../signin/index.ts';
import { inBatches } from './batches.ts';
import { GROUP_FINGERPRINT, USER_FINGERPRINT } from './existing-rows.ts';
import type { Plan } from './plan-state.ts';

/** Returns whether an import changes rows of earlier imports. */
export function hasUpdates({ rows }: Plan): boolean {
  return rows.some((one) => one.kind === 'old-user' || one.kind === 'old-group');
}

const stagedRows = (kind: string) => `from imports_staged_row s where s.import_id = ? and s.kind = '${kind}'`;
const ids = (kind: string) => `any(array(select (s.row->>'id')::uuid ${stagedRows(kind)}))`;
const lists = (...names: string[]) =>
  names
    .map((name) => `select jsonb_array_elements_text(s.row->'${name}')::uuid ${stagedRows('old-user')}`)
    .join(' union ');

/** Locks the users that change. The order of locks is users, APIs, groups in every transaction. */
export async function lockUsers(tx: SqlEntityManager, id: string): Promise<void> {
  await tx.execute(`select 1 from users_user where id = ${ids('old-user')} order by id for update`, [id]);
}

/** Locks every API, because its version may grow, and the groups whose members, permissions or names change. */
export async function lockGroups(tx: SqlEntityManager, id: string): Promise<void> {
  await tx.execute('select 1 from permissions_api order by id for no key update');
  await tx.execute(
    `select 1 from permissions_group where id = any(array(
       select (s.row->>'id')::uuid ${stagedRows('old-group')} union ${lists('groupsGained', 'groupsLost')})) order by id for update`,
    [id, id, id],
  );
}

/** Returns whether the compared rows have not changed since. Their locks are held. */
export async function isUnchanged(tx: SqlEntityManager, id: string): Promise<boolean> {
  const rows = await tx.execute<unknown[]>(
    `select 1 ${stagedRows('old-user')} and not exists (select from users_user u join permissions_principal p on p.id = u.id
       where u.id = (s.row->>'id')::uuid and u.deleted_at is null and ${USER_FINGERPRINT} = s.row->>'fingerprint')
     union all
     select 1 ${stagedRows('old-group')} and not exists (select from permissions_group g
       where g.id = (s.row->>'id')::uuid and ${GROUP_FINGERPRINT} = s.row->>'fingerprint') limit 1`,
    [id, id],
  );
  return rows.length === 0;
}

/**
 * Replaces names and verified addresses that change by placeholders, before new ones are stored: two users may swap names,
 * and a unique index is checked row by row. No folded name has a capital letter.
 */
export async function freeNames(tx: SqlEntityManager, id: string): Promise<void> {
  await tx.execute(
    `update users_user u set username_key = case when jsonb_exists(s.row->'set', 'username') then 'MOVES:' || u.id else u.username_key end,
       email_verified_at = case when jsonb_exists(s.row->'set', 'email') then null else u.email_verified_at end
     ${stagedRows('old-user')} and u.id = (s.row->>'id')::uuid and (jsonb_exists(s.row->'set', 'username') or jsonb_exists(s.row->'set', 'email'))`,
    [id],
  );
  await tx.execute(
    `update permissions_group g set name_key = 'MOVES:' || g.id
     ${stagedRows('old-group')} and g.id = (s.row->>'id')::uuid and jsonb_exists(s.row->'set', 'name')`,
    [id],
  );
}

const text = (column: string, field: string) => `${column} = coalesce(s.row->'set'->>'${field}', u.${column})`;
const flag = (column: string, field: string) =>
  `${column} = coalesce((s.row->'set'->>'${field}')::boolean, u.${column})`;
const nullable = (column: string, field: string, kind: string) =>
  `${column} = case when jsonb_exists(s.row->'set', '${field}') then (s.row->'set'->>'${field}')${kind} else u.${column} end`;

type StatementList = [string, unknown[]][];
type KindFilter = (kind: string) => string;

const from = 'from imports_staged_row s';
const each = (list: string) => `cross join lateral jsonb_array_elements_text(s.row->'${list}') as one(value)`;

/** The statements that update one slice of rows. `ofKind` is the condition that selects its rows of one kind. */
export function updateStatements(ofKind: KindFilter, slice: unknown[], api: Api, ids: string): StatementList {
  return [...changesAndRemovals(ofKind, slice, ids), ...additions(ofKind, slice, api, ids)];
}

function changesAndRemovals(ofKind: KindFilter, slice: unknown[], ids: string): StatementList {
  return [
    [
      `update users_user u set ${text('username', 'username')}, ${text('username_key', 'usernameKey')}, ${text('email', 'email')},
         ${nullable('email_key', 'emailKey', '')}, ${nullable('email_verified_at', 'emailVerifiedAt', '::timestamptz')},
         ${text('first_name', 'firstName')}, ${text('last_name', 'lastName')}, ${text('password', 'password')},
         password_epoch = u.password_epoch + case when jsonb_exists(s.row->'set', 'password') then 1 else 0 end,
         ${flag('is_active', 'isActive')}, ${flag('is_staff', 'isStaff')}, ${flag('is_superuser', 'isSuperuser')},
         attributes = coalesce(s.row->'set'->'attributes', u.attributes)
       ${from} where ${ofKind('old-user')} and u.id = (s.row->>'id')::uuid and s.row->'set' <> '{}'`,
      slice,
    ],
    [
      `update permissions_group g set name = s.row->'set'->>'name', name_key = s.row->'set'->>'nameKey'
       ${from} where ${ofKind('old-group')} and g.id = (s.row->>'id')::uuid and jsonb_exists(s.row->'set', 'name')`,
      slice,
    ],
    [
      `delete from permissions_group_permission h using imports_staged_row s ${each('permissionsLost')}
       where ${ofKind('old-group')} and h.group_id = (s.row->>'id')::uuid and h.permission_id = (?::jsonb->>one.value)::uuid`,
      [...slice, ids],
    ],
    [
      `delete from permissions_group_member m using imports_staged_row s ${each('groupsLost')}
       where ${ofKind('old-user')} and m.principal_id = (s.row->>'id')::uuid and m.group_id = one.value::uuid`,
      slice,
    ],
    [
      `delete from permissions_assignment a using imports_staged_row s ${each('permissionsLost')}
       where ${ofKind('old-user')} and a.principal_id = (s.row->>'id')::uuid and a.permission_id = (?::jsonb->>one.value)::uuid`,
      [...slice, ids],
    ],
  ];
}

function additions(ofKind: KindFilter, slice: unknown[], api: Api, ids: string): StatementList {
  return [
    [
      `insert into permissions_group_permission (group_id, permission_id) select (s.row->>'id')::uuid, (?::jsonb->>one.value)::uuid
       ${from} ${each('permissionsGained')} where ${ofKind('old-group')} on conflict do nothing`,
      [ids, ...slice],
    ],
    [
      `insert into permissions_assignment (principal_id, permission_id) select (s.row->>'id')::uuid, (?::jsonb->>one.value)::uuid
       ${from} ${each('permissionsGained')} where ${ofKind('old-user')} on conflict do nothing`,
      [ids, ...slice],
    ],
    [
      `insert into permissions_role (principal_id, api_id, is_staff, is_superuser)
       select (s.row->>'id')::uuid, ?::uuid, (s.row->'role'->>'isStaff')::boolean, (s.row->'role'->>'isSuperuser')::boolean
       ${from} where ${ofKind('old-user')} and jsonb_typeof(s.row->'role') = 'object'
       on conflict (principal_id, api_id) do update set is_staff = excluded.is_staff, is_superuser = excluded.is_superuser`,
      [api.id, ...slice],
    ],
    // A renamed user has two records, by its key and by its name in the source. Both are updated.
    ...[
      ['user', "i.local_id = (s.row->>'id')::uuid"],
      ['group', "i.local_id = (s.row->>'id')::uuid"],
      ['permission', "i.source_pk = s.row->>'key'"],
    ].map(([kind, condition]): [string, unknown[]] => [
      `update imports_record i set imported_digest = decode(s.row->>'digest', 'hex'), imported = nullif(s.row->'imported', 'null')
       ${from} where ${ofKind(`old-${kind}`)} and i.source = ? and i.kind = '${kind}' and ${condition}`,
      [...slice, api.audience],
    ]),
  ];
}

/** Adds memberships. To be run after new groups are inserted, because the memberships may be of those. */
export function gainedMemberships(ofKind: KindFilter): string {
  return `insert into permissions_group_member (principal_id, group_id) select (s.row->>'id')::uuid, one.value::uuid
    from imports_staged_row s cross join lateral jsonb_array_elements_text(s.row->'groupsGained') as one(value)
    where ${ofKind('old-user')} on conflict do nothing`;
}

/** Users per statement that ends sessions. */
const SESSION_BATCH = 200;

/** Applies the effects that single changes would have, for all of them: removals first, then additions, then the end of sessions. */
export async function applyEffects(
  tx: SqlEntityManager,
  audit: AuditContext,
  plan: Plan,
  api: Pick<Api, 'id'>,
): Promise<void> {
  const { removed, added, groups, deactivated, newPasswords } = plan.effects;
  const apis = [api.id];
  await invalidateRights(tx, distinct(removed.allApis), { kind: 'removed', apis: null });
  await invalidateRights(tx, distinct(removed.thisApi, await readMembers(tx, groups.removed)), {
    kind: 'removed',
    apis,
  });
  await invalidateRights(tx, distinct(added.allApis), { kind: 'added', apis: null });
  await invalidateRights(tx, distinct(added.thisApi, await readMembers(tx, groups.added)), { kind: 'added', apis });
  // Tokens contain no group names, but cached rights of members do.
  await invalidateRights(tx, await readMembers(tx, groups.renamed), { kind: 'added', apis: [] });
  await invalidateRights(tx, deactivated, { kind: 'removed', apis: [] });
  for (const [users, reason] of [
    [deactivated, 'deactivated'],
    [newPasswords, 'password_changed'],
  ] as const)
    for (let from = 0; from < users.length; from += SESSION_BATCH)
      await endSessions(tx, audit.at, { user: users.slice(from, from + SESSION_BATCH) }, reason);
  await inBatches(newPasswords, async (batch) => {
    for (const userId of batch) recordEvent(tx, audit.at, { kind: 'password_changed', userId });
    await tx.flush();
  });
}

async function readMembers(tx: SqlEntityManager, groups: readonly string[]): Promise<string[]> {
  if (groups.length === 0) return [];
  const rows = await tx.execute<{ id: string }[]>(
    `select distinct principal_id as id from permissions_group_member
     where group_id = any(array(select jsonb_array_elements_text(?::jsonb)::uuid))`,
    [JSON.stringify(groups)],
  );
  return rows.map((one) => one.id);
}

function distinct(...some: (readonly string[])[]): string[] {
  return [...new Set(some.flat())];
}

/** Returns whether there is an active global superuser: an import never removes the last one. */
export async function hasActiveSuperuser(tx: SqlEntityManager): Promise<boolean> {
  return (await findSuperuser(tx)) !== null;
}
