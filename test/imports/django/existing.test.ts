import { describeRefusal } from '../../../src/cli/commands/import-django-text.ts';
import { changeCatalogue, createApi, createGroup } from '../../../src/permissions/index.ts';
import { onEachEngine } from '../../support/database.ts';
import t from '../../support/tap.ts';
import {
  audit,
  catchRefusedImport,
  makeUser,
  picture,
  project,
  type Row,
  readPermissions,
  runImport,
  userRow,
} from './dumps.ts';

await onEachEngine(t, async (t, db) => {
  await t.test('--existing fail: names that Signet has from elsewhere are listed, nothing is written', async (t) => {
    const { rows, audience, tag, group } = project([userRow(1, 'ada'), userRow(2, 'bob')]);
    await makeUser(db, `Ada-${tag.toUpperCase()}`);
    await createGroup(db.fork(), audit, group.toUpperCase());
    const before = await picture(db.fork());
    const refusal = await catchRefusedImport(runImport(db, rows, { audience }));
    t.match(refusal, { code: 'import_refused', params: { conflicts: 2, unmapped: 0, lastSuperusers: 0 } });
    t.match(refusal.report.conflicts[1], {
      name: `ada-${tag}`,
      code: 'name_taken',
      params: { kind: 'user', name: `Ada-${tag.toUpperCase()}` },
    });
    t.match(
      describeRefusal(refusal.report, {}),
      new RegExp(`auth\\.user 1 "ada-${tag}".*--existing skip.*--renames`, 's'),
    );
    t.same(
      refusal.report.conflicts.map((one) => one.record),
      ['auth.group 1', 'auth.user 1'],
    );
    t.same(await picture(db.fork()), before);
    const dry = await runImport(db, rows, { audience, dryRun: true });
    t.same({ ...dry, dryRun: false }, refusal.report, 'a dry run tells the same and fails not');
  });

  await t.test('--existing skip: what exists is left alone, and nobody becomes a member of it', async (t) => {
    const { rows, audience, tag, group } = project([
      userRow(1, 'ada', { user_permissions: [1] }),
      userRow(2, 'bob', { groups: [1] }),
    ]);
    await makeUser(db, `ada-${tag}`);
    await createGroup(db.fork(), audit, group);
    const report = await runImport(db, rows, { audience, existing: 'skip' });
    t.match(report, { users: { created: 1, skipped: 1 }, groups: { skipped: 1 } });
    t.same(report.unmapped, [], 'what was asked for is no loss');
    t.match(report.skipped, [
      { record: 'auth.group 1' },
      { record: 'auth.user 1' },
      { record: 'auth.user 2', code: 'group_skipped', params: { group } },
    ]);
    t.same(await readPermissions(db, `ada-${tag}`, audience), []);
    t.same(await readPermissions(db, `bob-${tag}`, audience), []);
    t.match(await runImport(db, rows, { audience, existing: 'skip' }), {
      importId: null,
      users: { known: 1, skipped: 1 },
    });
  });

  await t.test(
    '--existing update: an equal name or address without a row of the id map is a conflict, never a match',
    async (t) => {
      const { rows, audience, tag, group } = project([
        userRow(1, 'ada', { groups: [1], is_superuser: true, email: 'ada@match.test' }),
      ]);
      await makeUser(db, `ada-${tag}`);
      await createGroup(db.fork(), audit, group);
      const before = await picture(db.fork());
      for (const existing of ['fail', 'update'] as const) {
        const { report } = await catchRefusedImport(runImport(db, rows, { audience, existing }));
        t.same(
          report.conflicts.map((one) => one.record),
          ['auth.group 1', 'auth.user 1'],
        );
        t.same(report.renames.length, 2, 'another name is proposed for each');
      }
      t.same(await picture(db.fork()), before);
    },
  );

  await t.test('one person in two imported projects is two records: names alone do not join them', async (t) => {
    const first = project([userRow(1, 'ada', { groups: [1] })]);
    await runImport(db, first.rows, { audience: first.audience });
    const audience = `${first.audience}-2`;
    for (const existing of ['fail', 'update'] as const)
      t.ok((await catchRefusedImport(runImport(db, first.rows, { audience, existing }))).report.conflicts.length > 0);
    await runImport(db, first.rows, { audience, existing: 'skip' });
    t.same(await readPermissions(db, `ada-${first.tag}`, audience), []);
  });

  await t.test('records of one dump that fold to one name are a conflict, whatever --existing says', async (t) => {
    const { rows, audience, tag } = project([userRow(1, 'ada'), userRow(2, 'Ada'), userRow(3, 'bob')]);
    const groups: Row[] = [{ model: 'auth.group', pk: 2, fields: { name: `EDITORS ${tag}`, permissions: [] } }];
    const before = await picture(db.fork());
    for (const existing of ['fail', 'skip', 'update'] as const) {
      const { report } = await catchRefusedImport(runImport(db, [...rows, ...groups], { audience, existing }));
      t.same(
        report.conflicts.map((one) => one.record),
        ['auth.group 1', 'auth.group 2', 'auth.user 1', 'auth.user 2'],
      );
      t.match(describeRefusal(report, {}), /--renames renames\.csv writes/);
    }
    t.same(await picture(db.fork()), before);
    await runImport(
      db,
      rows.filter((one) => one.fields['username'] !== `Ada-${tag}`),
      { audience },
    );
    const later = await catchRefusedImport(runImport(db, rows, { audience, existing: 'update' }));
    t.same(
      later.report.conflicts.map((one) => one.record),
      ['auth.user 2'],
      'also when one of them was imported before',
    );
  });

  await t.test('an API that exists keeps its permissions; those of the same name are taken over', async (t) => {
    const { rows, audience } = project([userRow(1, 'ada', { user_permissions: [1] })]);
    const em = db.fork();
    const api = await createApi(em, audit, audience);
    await changeCatalogue(em, audit, api, [
      { app: 'polls', codename: 'add_question', label: 'Can add a question', model: 'question' },
      { app: 'polls', codename: 'own', label: 'Own' },
    ]);
    const report = await runImport(db, rows, { audience });
    t.match(report, { apiCreated: false, permissions: { created: 1, updated: 1 } });
    const names = await db
      .fork()
      .execute('select name, label from permissions_permission where api_id = ? order by index', [api.id]);
    t.same(names, [
      { name: 'polls.add_question', label: 'Can add question' },
      { name: 'polls.own', label: 'Own' },
      { name: 'polls.fly', label: 'Can fly' },
    ]);
  });

  await t.test(
    '--trust-emails: an address counts as verified only when it is unique in the dump and in Signet',
    async (t) => {
      const { rows, audience, tag } = project([
        userRow(1, 'ada', { email: `one@site.test` }),
        userRow(2, 'bob', { email: `two@site.test` }),
        userRow(3, 'cyd', { email: `TWO@Site.test` }),
        userRow(4, 'dee', { email: '' }),
        userRow(5, 'eve', { email: 'known@signet.test' }),
      ]);
      await makeUser(db, 'known');
      const report = await runImport(db, rows, { audience, trustEmails: true });
      t.match(report, { emails: { verified: 1, unverified: 3 } });
      t.same(
        report.emails.notUnique.map((one) => one.record),
        ['auth.user 2', 'auth.user 3', 'auth.user 5'],
      );
      const verified = await db
        .fork()
        .execute<{ username: string }[]>(
          "select username from users_user where email_verified_at is not null and username like '%' || ?",
          [`-${tag}`],
        );
      t.same(verified, [{ username: `ada-${tag}` }]);
      const [dee] = await db
        .fork()
        .execute<{ key: string | null }[]>('select email_key as key from users_user where username = ?', [
          `dee-${tag}`,
        ]);
      t.equal(dee?.key, null, "'' is none");
    },
  );
});
