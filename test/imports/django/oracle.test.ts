import { describeReport } from '../../../src/cli/commands/import-django-text.ts';
import {
  catalogueHash,
  explainPermissions,
  findApi,
  getAllPermissions,
  getGroupPermissions,
  hasModulePerms,
  hasPerm,
  listPermissions,
  readGroups,
  readRights,
  type Source,
} from '../../../src/permissions/index.ts';
import { casefoldName } from '../../../src/platform/casefold.ts';
import type { Database } from '../../../src/platform/database/index.ts';
import { User, userPrincipal } from '../../../src/users/index.ts';
import { onEachEngine } from '../../support/database.ts';
import t, { type Test } from '../../support/tap.ts';
import { dumpText, naturalise, now, type OracleUser, oracle, picture, readRows, runImport } from './dumps.ts';

await onEachEngine(t, async (t, db) => {
  const report = await runImport(db, dumpText);
  t.comment(describeReport(report));

  await t.test('Django dumpdata: every record of the dump is imported, and the report counts them', async (t) => {
    t.match(report, {
      apiCreated: true,
      permissions: { read: 61, created: 61 },
      groups: { read: 6, created: 6 },
      users: { read: 60, created: 60 },
      conflicts: [],
      unmapped: [],
      merged: [],
      unknownModels: { 'admin.logentry': 20 },
      passwords: { unusable: [], byAlgorithm: { unusable: 4 } },
      emails: { verified: 0 },
    });
    t.same(
      report.superusers.names,
      oracle.users.filter((one) => one.is_superuser).map((one) => one.username),
    );
    t.same(
      report.staff.names,
      oracle.users.filter((one) => one.is_staff).map((one) => one.username),
    );
  });

  await sameAnswers(t, db, 'polls-site');

  await t.test(
    'Django auth.Permission: exactly the permissions of the dump are registered, byte for byte',
    async (t) => {
      const em = db.fork();
      const api = await apiName(db, 'polls-site');
      const permissions = await listPermissions(em, api.id);
      t.same(
        permissions.map(({ name, label }) => ({ name, label })),
        oracle.permissions.map(({ name, label }) => ({ name, label })),
        'in the order of the dump, under its labels, none invented',
      );
      t.equal(
        api.catalogueHash,
        catalogueHash(permissions.map(({ index, name }) => ({ index, name, isRemoved: false }))),
      );
      const models = await em.execute('select 1 from permissions_model where api_id = ?', [api.id]);
      t.equal(models.length, 15, 'with the models that they belong to');
    },
  );

  await t.test(
    'passwords are kept as they were, and an import leaves one audit entry a record without any',
    async (t) => {
      const em = db.fork();
      const stored = new Map(
        (await em.findAll(User, { populate: ['password'] })).map((one) => [one.username, one.password]),
      );
      for (const row of readRows().filter((one) => one.model === 'auth.user'))
        t.equal(stored.get(row.fields['username'] as string), row.fields['password']);
      const entries = await em.execute<{ kind: string; count: number; after: string }[]>(
        `select object_kind as kind, count(*)::int as count, string_agg("after"::text, ' ') as "after" from audit_entry
       where action = 'import' and "after"->>'import' = ? group by object_kind order by object_kind`,
        [report.importId],
      );
      t.same(
        entries.map(({ kind, count }) => [kind, count]),
        [
          ['group', 6],
          ['permission', 61],
          ['user', 60],
        ],
      );
      const everything = entries.map((one) => one.after).join(' ');
      for (const password of stored.values()) t.notOk(everything.includes(password), 'no password');
    },
  );

  await t.test('importing twice changes nothing, whichever key form the second dump has', async (t) => {
    const before = await picture(db.fork());
    const second = await runImport(db, dumpText);
    t.match(second, { importId: null, users: { known: 60 }, groups: { known: 6 }, permissions: { known: 61 } });
    t.same([second.changedInDump, second.changedInSignet], [[], []]);
    for (const primary of [false, true]) {
      const natural = await runImport(db, naturalise(readRows(), { primary }));
      t.match(natural, { importId: null, users: { known: 60 }, groups: { known: 6 }, permissions: { known: 61 } });
      t.same([natural.changedInDump, natural.changedInSignet], [[], []]);
    }
    t.same(await picture(db.fork()), before);
    t.match(describeReport(second), /^Nothing to do/);
  });
});

await onEachEngine(t, async (t, db) => {
  const rows = naturalise(readRows(), { primary: true });
  t.notOk(rows.some((one) => one.model !== 'admin.logentry' && 'pk' in one));
  const report = await runImport(db, rows, { superusers: 'global', trustEmails: true });
  t.match(report, { users: { created: 60 }, unmapped: [], superusers: { of: 'global' } });
  await sameAnswers(t, db, 'polls-site');
  await t.test('--superusers global: the flags are the users own, and there is no role', async (t) => {
    const em = db.fork();
    const superusers = await em.find(User, { isSuperuser: true });
    t.same(superusers.map((one) => one.username).sort(), [...report.superusers.names].sort());
    t.same(await em.execute('select 1 from permissions_role'), []);
  });
  await t.test('--trust-emails: unique addresses count as verified', async (t) => {
    const users = await db.fork().findAll(User);
    for (const user of users) t.equal(user.emailVerifiedAt !== null, user.email !== '', user.username);
    t.equal(report.emails.verified, users.filter((one) => one.email !== '').length);
  });
  const before = await picture(db.fork());
  t.match(await runImport(db, rows), { importId: null, users: { known: 60 } }, 'natural keys are remembered too');
  t.same(await picture(db.fork()), before);
});

async function apiName(db: Database, audience: string) {
  const api = await findApi(db.fork(), audience);
  if (!api) throw new Error(`no API ${audience}`);
  return api;
}

async function sameAnswers(t: Test, db: Database, audience: string): Promise<void> {
  const api = await apiName(db, audience);
  await t.test("Django's ModelBackend: every user has the permissions that Django said", async (t) => {
    for (const expected of oracle.users) {
      const em = db.fork();
      const user = await em.findOneOrFail(User, { usernameKey: casefoldName(expected.username) });
      const holder = userPrincipal(user);
      const rights = await readRights(db, holder, api.id, now);
      const sources = await explainPermissions(em, holder, now, api.id);
      t.same(actual(rights, sources, expected), wanted(expected), expected.username);
      t.same((await readGroups(em, user.id)).map((one) => one.name).sort(), [...expected.groups].sort(), 'groups');
      t.equal(user.isActive, expected.is_active);
      if (expected.is_active) t.equal(rights.isSuperuser, expected.is_superuser);
    }
  });
  await t.test('Django Group.permissions: every group holds what it held', async (t) => {
    const rows = await db.fork().execute<{ name: string; permissions: string[] }[]>(
      `select g.name, array(select q.name from permissions_group_permission h join permissions_permission q on q.id = h.permission_id
         where h.group_id = g.id order by q.name collate "C") as permissions from permissions_group g`,
    );
    t.same(Object.fromEntries(rows.map((row) => [row.name, row.permissions])), oracle.groups);
  });
}

type Rights = Awaited<ReturnType<typeof readRights>>;

function actual(rights: Rights, sources: Source[], expected: OracleUser) {
  return {
    all: getAllPermissions(rights),
    group: getGroupPermissions(sources),
    hasPerm: Object.keys(expected.has_perm).map((name) => [name, hasPerm(rights, name)]),
    hasModulePerms: Object.keys(expected.has_module_perms).map((app) => [app, hasModulePerms(rights, app)]),
  };
}

/** An inactive user has none: so Django answered, too. */
function wanted(expected: OracleUser) {
  return {
    all: [...expected.get_all_permissions].sort(),
    group: [...expected.get_group_permissions].sort(),
    hasPerm: Object.entries(expected.has_perm),
    hasModulePerms: Object.entries(expected.has_module_perms),
  };
}
