import { describeRefusal, describeReport } from '../../../src/cli/commands/import-django-text.ts';
import {
  addMembers,
  assign,
  changeCatalogue,
  createGroup,
  deleteGroup,
  findApi,
  getGroup,
  getPermissions,
  OWN_AUDIENCE,
} from '../../../src/permissions/index.ts';
import { findUser, type User, updateUser } from '../../../src/users/index.ts';
import { onEachEngine } from '../../support/database.ts';
import t from '../../support/tap.ts';
import {
  audit,
  catchRefusal,
  catchRefusedImport,
  picture,
  project,
  type Row,
  readPermissions,
  runImport,
  userRow,
} from './dumps.ts';

await onEachEngine(t, async (t, db) => {
  await t.test('what was changed in Signet since is not undone, and reported', async (t) => {
    const users = ['ada', 'bob', 'cyd', 'dee', 'eve'].map((name, index) =>
      userRow(index + 1, name, { groups: [1], user_permissions: [2] }),
    );
    const { rows, audience, tag, group } = project(users);
    await runImport(db, rows, { audience });
    const em = db.fork();
    const user = async (name: string) => (await findUser(em, `${name}-${tag}`)) as User;
    await updateUser(em, audit, await user('ada'), { email: 'ada@new.test', isActive: false });
    const bob = await user('bob');
    await addMembers(em, audit, await createGroup(em, audit, `Others ${tag}`), [{ id: bob.id, label: bob.username }]);
    await em.execute('delete from permissions_assignment where principal_id = ?', [(await user('cyd')).id]);
    await em.execute('delete from permissions_principal where id = ?', [(await user('dee')).id]);
    const eve = await user('eve');
    await em.execute('update users_user set password_epoch = 2 where id = ?', [eve.id]);
    const api = await findApi(em, audience);
    await changeCatalogue(em, audit, api as never, [
      { app: 'polls', codename: 'fly', label: 'May fly', model: 'question' },
    ]);
    const permissions = await getPermissions(em, api as never, ['polls.fly']);
    await assign(em, audit, { kind: 'group', group: await getGroup(em, group) }, permissions);

    const before = await picture(db.fork());
    const report = await runImport(db, rows, { audience });
    t.same(
      report.changedInSignet.map(({ record, fields }) => [record, fields]),
      [
        ['auth.permission 2', ['label']],
        ['auth.group 1', ['permissions']],
        ['auth.user 1', ['email', 'is_active']],
        ['auth.user 2', ['groups']],
        ['auth.user 3', ['user_permissions']],
        ['auth.user 4', ['deleted']],
        ['auth.user 5', ['password']],
      ],
    );
    t.same(report.changedInDump, []);
    t.same(await picture(db.fork()), before);
  });

  await t.test(
    'a permission or group that was removed in Signet is not brought back, and new records do without it',
    async (t) => {
      const { rows, audience, tag, group } = project([userRow(1, 'ada')]);
      await runImport(db, rows, { audience });
      const em = db.fork();
      const api = await findApi(em, audience);
      await changeCatalogue(
        em,
        audit,
        api as never,
        [{ app: 'polls', codename: 'add_question', label: 'Can add question' }],
        { prune: true },
      );
      await deleteGroup(em, audit, await getGroup(em, group));
      const more = userRow(2, `bob-${tag}`, { groups: [1], user_permissions: [1, 2] });
      const refusal = await catchRefusedImport(runImport(db, [...rows, more], { audience }));
      t.match(describeRefusal(refusal.report, {}), /--allow-unmapped/);
      const report = await runImport(db, [...rows, more], { audience, allowUnmapped: true });
      t.match(report, { users: { created: 1, known: 1 }, permissions: { known: 2 }, groups: { known: 1 } });
      t.same(
        report.unmapped.map(({ code, params }) => [code, params]),
        [
          ['group_deleted', { group }],
          ['permission_removed', { permission: 'polls.fly' }],
        ],
      );
      t.same(await readPermissions(db, `bob-${tag}`, audience), ['polls.add_question']);
      t.same(
        report.changedInSignet.map((one) => one.fields),
        [['deleted'], ['deleted']],
      );
    },
  );

  await t.test('what was changed in Django since is reported, and overwrites nothing', async (t) => {
    const { rows, audience } = project([userRow(1, 'ada', { groups: [1] }), userRow(2, 'bob'), userRow(3, 'cyd')]);
    await runImport(db, rows, { audience });
    const before = await picture(db.fork());
    const changed = structuredClone(rows) as Row[];
    const changedFields = (pk: number, model = 'auth.user') =>
      changed.find((one) => one.model === model && one.pk === pk)?.fields as Record<string, unknown>;
    Object.assign(changedFields(1), { groups: [], is_superuser: true, first_name: 'Ada' });
    Object.assign(changedFields(2), { password: 'md5$other$00112233445566778899aabbccddeeff' });
    Object.assign(changedFields(3), { last_login: '2026-01-01T00:00:00Z' });
    Object.assign(changedFields(1, 'auth.group'), { permissions: [1, 2] });
    Object.assign(changedFields(2, 'auth.permission'), { name: 'Can fly high' });
    const report = await runImport(db, changed, { audience });
    t.same(
      report.changedInDump.map(({ record, fields }) => [record, fields]),
      [
        ['auth.permission 2', ['label']],
        ['auth.group 1', ['permissions']],
        ['auth.user 1', ['first_name', 'is_superuser', 'groups']],
        ['auth.user 2', []],
      ],
      'a password is told without a field, a login not at all',
    );
    t.same(report.changedInSignet, []);
    t.same(await picture(db.fork()), before);
    t.match(describeReport(report), /Changed in Django since/);
  });

  await t.test('--dry-run: the same report, nothing written', async (t) => {
    const { rows, audience } = project([userRow(1, 'ada', { groups: [1] })]);
    const before = await picture(db.fork());
    const dry = await runImport(db, rows, { audience, dryRun: true });
    t.same(await picture(db.fork()), before);
    const real = await runImport(db, rows, { audience });
    t.same({ ...dry, dryRun: false, importId: real.importId }, real);
    t.match(describeReport(dry), /^Dry run: nothing was written\..*Next: run the same command without --dry-run\.$/s);
    const refused = await catchRefusal(runImport(db, rows, { audience: 'no audience', dryRun: true }));
    t.equal(refused.code, 'audience_invalid', 'a malformed audience is refused as it would be');
  });

  await t.test("an import into Signet's own API is refused: its superusers would rule Signet", async (t) => {
    const { rows } = project();
    t.equal((await catchRefusal(runImport(db, rows, { audience: OWN_AUDIENCE }))).code, 'import_into_own_api');
  });

  await t.test('one API takes users of one user model: primary keys of two could not be told apart', async (t) => {
    const { rows, audience } = project([userRow(1, 'ada')]);
    await runImport(db, rows, { audience });
    const custom = rows.map((one) => (one.model === 'auth.user' ? { ...one, model: 'shop.customer' } : one));
    t.match(await catchRefusal(runImport(db, custom, { audience, userModel: 'shop.Customer' })), {
      code: 'user_model_differs',
      params: { audience, importedModel: 'auth.user', userModel: 'shop.customer' },
    });
  });
});
