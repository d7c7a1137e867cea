import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { AuditContext } from '../../../src/audit/index.ts';
import { type ImportInput, ImportRefused, type ImportReport, importDjango } from '../../../src/imports/django/index.ts';
import { makeUnusable } from '../../../src/passwords/index.ts';
import { findApi, readRights } from '../../../src/permissions/index.ts';
import type { Database } from '../../../src/platform/database/index.ts';
import { DomainError } from '../../../src/platform/errors.ts';
import { createUser, findUser, type User, userPrincipal } from '../../../src/users/index.ts';

/** What `manage.py dumpdata` of Django 3.2 wrote, and what that Django answered about the same database. */
export const dumpText = readFileSync(new URL('../../fixtures/django-3.2/dump.json', import.meta.url), 'utf8');
export const oracle = JSON.parse(
  readFileSync(new URL('../../fixtures/django-3.2/oracle.json', import.meta.url), 'utf8'),
) as Oracle;

interface Oracle {
  readonly permissions: readonly { name: string; label: string; model: string }[];
  readonly groups: Readonly<Record<string, string[]>>;
  readonly users: readonly OracleUser[];
}

export interface OracleUser {
  readonly username: string;
  readonly is_active: boolean;
  readonly is_staff: boolean;
  readonly is_superuser: boolean;
  readonly groups: string[];
  readonly get_group_permissions: string[];
  readonly get_all_permissions: string[];
  readonly has_perm: Record<string, boolean>;
  readonly has_module_perms: Record<string, boolean>;
}

export interface Row {
  model: string;
  pk?: string | number | null;
  fields: Record<string, unknown>;
}

export function readRows(): Row[] {
  return JSON.parse(dumpText) as Row[];
}

export const now = new Date('2026-11-22T20:00:00Z');
export const audit: AuditContext = { at: now, actor: { kind: 'cli', id: '0', label: 'cli:0' } };

export const defaults = {
  file: 'dump.json',
  audience: 'polls-site',
  dryRun: false,
  existing: 'fail',
  superusers: 'api',
  trustEmails: false,
} as const;

export function runImport(
  db: Database,
  dump: string | readonly Row[],
  options: Partial<ImportInput> = {},
): Promise<ImportReport> {
  const text = typeof dump === 'string' ? dump : JSON.stringify(dump);
  return importDjango(db, audit, { ...defaults, ...options, text }, () => {});
}

/** What the same database would give with `--natural-foreign`, and with `--natural-primary` too. */
export function naturalise(rows: readonly Row[], options: { primary: boolean }): Row[] {
  const natural = new Map<string, unknown[]>();
  const naturalKey = (model: string, pk: unknown) => natural.get(`${model} ${JSON.stringify(pk)}`) as unknown[];
  for (const { model, pk, fields } of rows) {
    if (model === 'contenttypes.contenttype') natural.set(`${model} ${pk}`, [fields['app_label'], fields['model']]);
    if (model === 'auth.group') natural.set(`${model} ${pk}`, [fields['name']]);
  }
  for (const { model, pk, fields } of rows)
    if (model === 'auth.permission')
      natural.set(`${model} ${pk}`, [
        fields['codename'],
        ...naturalKey('contenttypes.contenttype', fields['content_type']),
      ]);
  const refer = (model: string, keys: unknown) => (keys as unknown[]).map((pk) => naturalKey(model, pk));
  return rows.map(({ model, pk, fields }) => ({
    model,
    ...(options.primary && model !== 'admin.logentry' ? {} : { pk }),
    fields: {
      ...fields,
      ...(model === 'auth.permission'
        ? { content_type: naturalKey('contenttypes.contenttype', fields['content_type']) }
        : {}),
      ...(model === 'auth.group' ? { permissions: refer('auth.permission', fields['permissions']) } : {}),
      ...(model === 'auth.user'
        ? {
            groups: refer('auth.group', fields['groups']),
            user_permissions: refer('auth.permission', fields['user_permissions']),
          }
        : {}),
    },
  }));
}

let counter = 0;

/** One user as Django writes it. */
export function userRow(pk: number, username: string, fields: Record<string, unknown> = {}): Row {
  return {
    model: 'auth.user',
    pk,
    fields: {
      password: `md5$salt${counter++}$${'0123456789abcdef'.repeat(2)}`,
      last_login: null,
      is_superuser: false,
      username,
      first_name: '',
      last_name: '',
      email: '',
      is_staff: false,
      is_active: true,
      date_joined: '2022-08-10T18:32:23Z',
      groups: [],
      user_permissions: [],
      ...fields,
    },
  };
}

/** A content type, one permission of it, and a group that holds that. */
export const smallProject: readonly Row[] = [
  { model: 'contenttypes.contenttype', pk: 1, fields: { app_label: 'polls', model: 'question' } },
  { model: 'auth.permission', pk: 1, fields: { name: 'Can add question', content_type: 1, codename: 'add_question' } },
  { model: 'auth.permission', pk: 2, fields: { name: 'Can fly', content_type: 1, codename: 'fly' } },
  { model: 'auth.group', pk: 1, fields: { name: 'Editors', permissions: [1] } },
];

const TABLES = [
  'permissions_api',
  'permissions_model',
  'permissions_permission',
  'permissions_principal',
  'permissions_group',
  'permissions_group_member',
  'permissions_group_permission',
  'permissions_assignment',
  'permissions_role',
  'users_user',
  'imports_record',
  'imports_staged_row',
  'audit_entry',
  'audit_event',
  'platform_state',
];

/** Every row of every table that an import could touch: `<count> <digest>` by table. */
export async function picture(em: SqlEntityManager): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const table of TABLES) {
    const rows = await em.execute<{ row: string }[]>(
      `select t::text as row from ${table} t order by t::text collate "C"`,
    );
    const hash = createHash('sha256');
    for (const { row } of rows) hash.update(`${row}\n`);
    found[table] = `${rows.length} ${hash.digest('hex').slice(0, 12)}`;
  }
  return found;
}

let projects = 0;

/** Every test imports into an API of its own, names of its own included, so that none meets another's. */
export function project(users: readonly Row[] = []) {
  const tag = `t${projects++}`;
  const rows = smallProject.map((one) =>
    one.model === 'auth.group' ? { ...one, fields: { ...one.fields, name: `Editors ${tag}` } } : one,
  );
  const named = users.map((one) => ({
    ...one,
    fields: { ...one.fields, username: `${one.fields['username']}-${tag}` },
  }));
  return { audience: `site-${tag}`, group: `Editors ${tag}`, tag, rows: [...rows, ...named] };
}

/** The refusal of the domain that this ends with. */
export async function catchRefusal(work: Promise<unknown>): Promise<DomainError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

/** The refusal for what the report lists. */
export async function catchRefusedImport(work: Promise<unknown>): Promise<ImportRefused> {
  const error = await catchRefusal(work);
  if (error instanceof ImportRefused) return error;
  throw error;
}

export async function makeUser(db: Database, username: string): Promise<User> {
  return (await createUser(db.fork(), audit, {
    username,
    password: makeUnusable(),
    email: `${username}@signet.test`,
  })) as User;
}

export async function readPermissions(db: Database, username: string, audience: string): Promise<string[]> {
  const em = db.fork();
  const user = (await findUser(em, username)) as User;
  const api = await findApi(em, audience);
  return [...(await readRights(db, userPrincipal(user), api?.id as string, now)).permissions].sort();
}
