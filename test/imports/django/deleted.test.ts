import { describeReport } from '../../../src/cli/commands/import-django-text.ts';
import { findSourceId, ImportedRecord } from '../../../src/imports/index.ts';
import { deleteUser, findUser, renameUser, User } from '../../../src/users/index.ts';
import { onEachEngine } from '../../support/database.ts';
import t from '../../support/tap.ts';
import { audit, makeUser, naturalise, project, type Row, runImport, userRow } from './dumps.ts';

await onEachEngine(t, async (t, db) => {
  const forms = {
    primary: (rows: readonly Row[]) => [...rows],
    natural: (rows: readonly Row[]) => naturalise(rows, { primary: true }),
  };
  for (const [first, before] of Object.entries(forms))
    for (const [second, after] of Object.entries(forms))
      await t.test(
        `docs/commands.md: who was deleted is not brought back (${first} keys, then ${second} keys)`,
        async (t) => {
          const { rows, audience, tag } = project([
            userRow(1, 'zacharias', { groups: [1], user_permissions: [2], email: 'zach@personal.test' }),
            userRow(2, 'bob'),
          ]);
          const name = `zacharias-${tag}`;
          await runImport(db, before(rows), { audience });
          const em = db.fork();
          const zach = (await findUser(em, name)) as User;
          await deleteUser(em, audit, zach);

          const kept = await db.fork().find(ImportedRecord, { localId: zach.id });
          t.notMatch(JSON.stringify(kept), /zacharias/, 'not even the name is kept');
          t.ok(kept.every((one) => Buffer.from(one.importedDigest).every((byte) => byte === 0)));
          for (const existing of ['fail', 'update'] as const) {
            const report = await runImport(db, after(rows), { audience, existing });
            t.match(report, { users: { read: 2, created: 0, updated: 0, known: 2 }, conflicts: [] });
            t.match(report.changedInSignet, [{ name, fields: ['deleted'] }]);
            t.match(describeReport(report), /Changed in Signet[\s\S]*zacharias[\s\S]*deleted/);
          }
          t.equal(await findUser(db.fork(), name), null);
          t.equal(
            (
              await db
                .fork()
                .execute<unknown[]>('select 1 from permissions_group_member where principal_id = ?', [zach.id])
            ).length,
            0,
          );
        },
      );

  for (const [first, before] of Object.entries(forms))
    for (const [second, after] of Object.entries(forms))
      await t.test(
        `docs/commands.md: who was renamed is known again, and deleted then, not brought back (${first}, then ${second} keys)`,
        async (t) => {
          const { rows, audience, tag } = project([userRow(1, 'zacharias', { groups: [1] }), userRow(2, 'bob')]);
          const name = `zacharias-${tag}`;
          await runImport(db, before(rows), { audience });
          const zach = (await findUser(db.fork(), name)) as User;
          const rename = async (to: string) =>
            t.ok((await renameUser(db.fork(), audit, zach, `${to}-${tag}`)) instanceof User);
          await rename('zack');
          await rename('zac');
          const again = async () => runImport(db, after(rows), { audience, dryRun: true });
          t.match(await again(), { users: { read: 2, created: 0, updated: 0, known: 2 }, conflicts: [] });
          t.match((await again()).changedInSignet, [{ name, fields: ['username'] }]);

          const sourceId = await findSourceId(db, audience, zach.id);
          t.equal(sourceId, first === 'primary' ? 1 : undefined, 'its key of the source is what it was');
          const others = after(rows).filter((row) => row.fields['username'] !== name);
          const without = await runImport(db, others, { audience, existing: 'update', dryRun: true });
          t.match(without.missing, [{ name: `zac-${tag}` }]);
          t.equal(without.missing.length, 1, 'gone from the dump once');

          // The source has somebody of the name that the user has here by now.
          const third = userRow(3, `zac-${tag}`);
          const more = await runImport(db, after([...rows, third]), { audience, dryRun: true, existing: 'skip' });
          t.match(more.users, { known: 2, skipped: 1 }, 'who is somebody else');

          await deleteUser(db.fork(), audit, zach);
          const kept = await db.fork().find(ImportedRecord, { localId: zach.id });
          t.notMatch(JSON.stringify(kept), /zac/, 'not even a name is kept');
          t.ok(kept.every((one) => Buffer.from(one.importedDigest).every((byte) => byte === 0)));
          const report = await runImport(db, after([...rows, third]), { audience });
          t.match(report.users, { read: 3, created: 1, known: 2 });
          t.match(report.changedInSignet, [{ name, fields: ['deleted'] }]);
          t.equal(await findUser(db.fork(), name), null);
        },
      );

  await t.test('docs/commands.md: somebody else of the freed name, under another key, is a new user', async (t) => {
    const { rows, audience, tag } = project([userRow(1, 'zacharias')]);
    await runImport(db, rows, { audience });
    const zach = (await findUser(db.fork(), `zacharias-${tag}`)) as User;
    await deleteUser(db.fork(), audit, zach);
    const other = userRow(7, `zacharias-${tag}`, { first_name: 'Another' });
    const report = await runImport(
      db,
      [...rows, other].filter((row) => row.model !== 'auth.user' || row.pk === 7),
      {
        audience,
      },
    );
    t.match(report, { users: { created: 1 } });
    const made = (await findUser(db.fork(), `zacharias-${tag}`)) as User;
    t.not(made.id, zach.id);
    await deleteUser(db.fork(), audit, made);
    t.match(await runImport(db, [...rows, other], { audience }), { users: { created: 0, known: 2 } }, 'both are known');
  });

  await t.test('docs/commands.md: who took the freed name in Signet is not taken for the deleted one', async (t) => {
    const { rows, audience, tag } = project([userRow(1, 'zacharias', { groups: [1] })]);
    await runImport(db, rows, { audience });
    await deleteUser(db.fork(), audit, (await findUser(db.fork(), `zacharias-${tag}`)) as User);
    const other = await makeUser(db, `zacharias-${tag}`);
    const report = await runImport(db, rows, { audience, existing: 'update' });
    t.match(report, { users: { updated: 0, known: 1 }, changedInSignet: [{ fields: ['deleted'] }] });
    t.equal((await findUser(db.fork(), `zacharias-${tag}`))?.id, other.id);
  });
});
