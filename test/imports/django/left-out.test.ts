import { findUser, type User } from '../../../src/users/index.ts';
import { onEachEngine } from '../../support/database.ts';
import t from '../../support/tap.ts';
import { catchRefusedImport, picture, type Row, readPermissions, runImport, smallProject, userRow } from './dumps.ts';

// docs/guides/django-import.md, "What has no place": what a dump leaves out is not taken for none.

await onEachEngine(t, async (t, db) => {
  await t.test(
    'a password that an update brings is reported like a first one, where nobody can log in by it',
    async (t) => {
      const users = (hash: string): Row[] => [...smallProject.slice(0, 3), userRow(1, 'slow', { password: hash })];
      const options = { audience: 'slow-site', tooSlow: (encoded: string) => (encoded.includes('slow') ? 2500 : null) };
      await runImport(db, users('md5$fast$00112233445566778899aabbccddeeff'), options);
      const report = await runImport(db, users('md5$slow$00112233445566778899aabbccddeeff'), {
        ...options,
        existing: 'update',
      });
      t.match(report, {
        applied: [{ fields: ['password'] }],
        passwords: { slow: [{ name: 'slow', code: 'password_slow', params: { milliseconds: 2500 } }] },
      });
    },
  );

  /** A user model whose rights go through tables of its own. */
  const person = (pk: number, name: string, withFlags: boolean): Row => {
    const { groups, user_permissions, is_superuser, ...fields } = userRow(pk, name).fields;
    return { model: 'accounts.user', pk, fields: withFlags ? { ...fields, is_superuser } : fields };
  };
  for (const [table, field, word] of [
    ['accounts.grant', 'permission', 'user_permissions'],
    ['accounts.membership', 'group', 'groups'],
  ] as const)
    await t.test(`a later dump without ${table} takes no rights unless that is allowed`, async (t) => {
      const options = { audience: `left-out-${field}`, userModel: 'accounts.user' };
      const project = smallProject.map((one) =>
        one.model === 'auth.group' ? { ...one, fields: { ...one.fields, name: `Editors ${field}` } } : one,
      );
      const people = [person(1, `ada-${field}`, field === 'permission'), person(2, `bob-${field}`, false)];
      const links = [
        { model: 'accounts.membership', pk: 1, fields: { user: 1, group: 1 } },
        { model: 'accounts.grant', pk: 1, fields: { user: 1, permission: 2 } },
      ];
      const all = [...project, ...people, ...links];
      await runImport(db, all, options);
      const ada = async () => ((await findUser(db.fork(), `ada-${field}`)) as User).username;
      const held = await readPermissions(db, await ada(), options.audience);
      t.same(held, ['polls.add_question', 'polls.fly']);
      const without = all.filter((one) => one.model !== table);
      const before = await picture(db.fork());
      const { report } = await catchRefusedImport(runImport(db, without, { ...options, existing: 'update' }));
      t.match(report.unmapped, [{ record: 'accounts.user', code: 'through_missing', params: { field: word } }]);
      t.equal(report.unmapped.length, 1);
      t.same(await picture(db.fork()), before);
      await runImport(db, without, { ...options, existing: 'update', allowUnmapped: true });
      t.equal(
        (await readPermissions(db, await ada(), options.audience)).length,
        1,
        'what is lost is lost where it is said',
      );
    });
});
