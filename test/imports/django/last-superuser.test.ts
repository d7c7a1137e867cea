import { describeRefusal, describeReport } from '../../../src/cli/commands/import-django-text.ts';
import { isRefused } from '../../../src/imports/django/index.ts';
import { findUser, type User } from '../../../src/users/index.ts';
import { onEachEngine } from '../../support/database.ts';
import t from '../../support/tap.ts';
import { catchRefusal, catchRefusedImport, makeUser, picture, project, type Row, runImport, userRow } from './dumps.ts';

// docs/guides/django-import.md, "What --existing does": an import never takes the last active superuser of Signet.

await onEachEngine(t, async (t, db) => {
  const made = project([userRow(1, 'root', { is_superuser: true }), userRow(2, 'ada')]);
  const { audience, tag } = made;
  await runImport(db, made.rows, { audience, superusers: 'global' });
  const rows = (root: Record<string, unknown>, more: Row[] = []): Row[] => [
    ...made.rows.map((one) =>
      one.model === 'auth.user' && one.pk === 1 ? { ...one, fields: { ...one.fields, ...root } } : one,
    ),
    ...more,
  ];
  const root = async () => (await findUser(db.fork(), `root-${tag}`)) as User;
  const without = made.rows.filter((one) => one.model !== 'auth.user' || one.pk !== 1);
  const last = [{ record: 'auth.user 1', name: `root-${tag}`, code: 'last_superuser_lost' }];
  const options = { audience, existing: 'update', allowUnmapped: true } as const;

  for (const [why, dump, more] of [
    ['a lost flag', rows({ is_superuser: false }), {}],
    ['a deactivation', rows({ is_active: false }), {}],
    ['a lost flag under a refused name', rows({ is_superuser: false, username: 'c_root' }), {}],
    ['being left out of the dump', without, { missing: 'deactivate' }],
    [
      'a superuser of the API in their place',
      rows({ is_superuser: false }, [userRow(7, `heir-${tag}`, { is_superuser: true })]),
      {},
    ],
  ] as const)
    await t.test(`a dry run tells it, and ends as the real run does: ${why}`, async (t) => {
      const before = await picture(db.fork());
      const dry = await runImport(db, dump, { ...options, ...more, dryRun: true });
      t.match(dry.lastSuperusers, last);
      t.equal(dry.lastSuperusers.length, 1);
      t.equal(isRefused(dry, options), true);
      t.match(describeReport(dry, options), /last active superuser.*createsuperuser/s);
      const refusal = await catchRefusedImport(runImport(db, dump, { ...options, ...more }));
      t.match(refusal, { code: 'import_refused', params: { lastSuperusers: 1 } });
      t.match(describeRefusal(refusal.report, options), /last active superuser.*createsuperuser/s);
      t.match(refusal.report, { lastSuperusers: last });
      t.same(await picture(db.fork()), before, 'nothing is written');
    });

  await t.test('what leaves one, or makes one, is no such loss', async (t) => {
    const heir = [userRow(7, `heir-${tag}`, { is_superuser: true })];
    const expected = { ...options, superusers: 'global', dryRun: true } as const;
    t.same((await runImport(db, rows({ is_superuser: false }, heir), expected)).lastSuperusers, [], 'a new one');
    const ada = rows({ is_superuser: false }).map((one) =>
      one.model === 'auth.user' && one.pk === 2 ? { ...one, fields: { ...one.fields, is_superuser: true } } : one,
    );
    t.same((await runImport(db, ada, expected)).lastSuperusers, [], 'another one of the dump');
    const inactive = [userRow(7, `heir-${tag}`, { is_superuser: true, is_active: false })];
    t.match((await runImport(db, rows({ is_superuser: false }, inactive), expected)).lastSuperusers, last);
    const other = await makeUser(db, `other-${tag}`);
    await db.fork().execute('update users_user set is_superuser = true where id = ?', [other.id]);
    const lost = rows({ is_superuser: false });
    t.same((await runImport(db, lost, { ...options, dryRun: true })).lastSuperusers, []);
    const em = db.fork();
    const demote = `update users_user set is_superuser = false where id = '${other.id}'`;
    await em.execute(
      `create function meddle() returns trigger language plpgsql as $$ begin ${demote}; return null; end $$`,
    );
    await em.execute('create trigger meddle after insert on imports_staged_row execute function meddle()');
    const refusal = await catchRefusal(runImport(db, lost, options));
    await em.execute('drop function meddle() cascade');
    t.equal(refusal.code, 'import_removes_last_superuser', 'nor when the other one is lost meanwhile');
    t.equal((await root()).isSuperuser, true);
    await em.execute('update users_user set is_superuser = true where id = ?', [other.id]);
    t.match(await runImport(db, lost, options), { takenAway: [{ fields: ['is_superuser'] }] });
    t.equal((await root()).isSuperuser, false, 'the flag is taken where it was put');
    t.match(await runImport(db, rows({ is_superuser: false, is_active: false }), options), {
      lastSuperusers: [],
      takenAway: [{ fields: ['is_active'] }],
    });
  });
});
