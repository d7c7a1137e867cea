import { inspect } from 'node:util';
import { deleteAbandonedRows, importDjango } from '../../../src/imports/django/index.ts';
import { onEachEngine } from '../../support/database.ts';
import t from '../../support/tap.ts';
import { audit, catchRefusal, picture, project, runImport, smallProject, userRow } from './dumps.ts';

await onEachEngine(t, async (t, db) => {
  await t.test('all or nothing: a failure in the last transaction leaves nothing, not even staged rows', async (t) => {
    const { rows, audience } = project([userRow(1, 'ada', { groups: [1] })]);
    const before = await picture(db.fork());
    const em = db.fork();
    await em.execute(
      "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$",
    );
    await em.execute('create trigger refuse before delete on imports_staged_row execute function refuse()');
    // The rows are put aside and applied; the deletion of the staged ones is the last statement.
    await t.rejects(runImport(db, rows, { audience }), /refused/);
    await em.execute('drop trigger refuse on imports_staged_row');
    const between = await picture(db.fork());
    t.not(
      between['imports_staged_row'],
      before['imports_staged_row'],
      'here they stay, for their deletion was refused',
    );
    // A server that starts now: on the embedded engine nothing that began in its own process is taken for dead.
    await deleteAbandonedRows(db, Date.now() + 1);
    t.same(await picture(db.fork()), before, 'the start of a server drops them');

    await em.execute(
      "create trigger refuse before insert on audit_entry for each row when (new.action = 'import') execute function refuse()",
    );
    await t.rejects(runImport(db, rows, { audience }), /refused/);
    await em.execute('drop trigger refuse on audit_entry');
    t.same(await picture(db.fork()), before);
    await em.execute('drop function refuse()');
    t.match(await runImport(db, rows, { audience }), { users: { created: 1 } }, 'and it can be run again');
  });

  await t.test('no password hash is in the error of a database that fails', async (t) => {
    const { rows, audience } = project([userRow(1, 'ada', { password: 'md5$salt$0123456789abcdef0123456789abcdef' })]);
    const em = db.fork();
    await em.execute(
      "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$",
    );
    await em.execute(
      'create trigger refuse before insert on imports_staged_row for each row execute function refuse()',
    );
    const error = await runImport(db, rows, { audience }).catch((one: unknown) => one);
    await em.execute('drop function refuse() cascade');
    t.match(error, { message: /refused/ });
    t.notMatch(inspect(error, { depth: 10, showHidden: true }), /0123456789abcdef/);
  });

  await t.test('a name that is taken while the import runs refuses all of it', async (t) => {
    const { rows, audience, tag } = project([userRow(1, 'ada')]);
    const em = db.fork();
    await em.execute(
      `create function take() returns trigger language plpgsql as $$ begin
         insert into permissions_principal (id, kind) values ('00000000-0000-0000-0000-00000000000${db.engine === 'embedded' ? 1 : 2}', 'user');
         insert into users_user (id, username, username_key, password, date_joined, attributes)
           select id, 'ada-${tag}', 'ada-${tag}', '!', now(), '{}' from permissions_principal where id::text like '00000000-%';
         return null; end $$`,
    );
    await em.execute('create trigger take after insert on permissions_api execute function take()');
    const before = await picture(db.fork());
    t.match(await catchRefusal(runImport(db, rows, { audience })), {
      code: 'changed_during_import',
      params: { change: 'object_created_or_deleted' },
    });
    t.same(await picture(db.fork()), before);
    await em.execute('drop trigger take on permissions_api');
    await em.execute('drop function take()');
  });

  await t.test('two imports of one dump at once: one does it, the other finds it done or is refused', async (t) => {
    const { rows, audience } = project([userRow(1, 'ada', { groups: [1] }), userRow(2, 'bob')]);
    const results = await Promise.allSettled([1, 2, 3].map(() => runImport(db, rows, { audience })));
    const done = results.flatMap((one) =>
      one.status === 'fulfilled' && one.value.importId !== null ? [one.value] : [],
    );
    t.equal(done.length, 1);
    for (const one of results)
      if (one.status === 'rejected')
        t.match(one.reason, { name: 'DomainError', code: /^(changed_during_import|import_refused|api_exists)$/ });
    const [{ count } = { count: 0 }] = await db
      .fork()
      .execute<{ count: number }[]>('select count(*)::int as count from imports_record where source = ?', [audience]);
    t.equal(count, 5);
    t.match((await picture(db.fork()))['imports_staged_row'], /^0 /);
  });

  await t.test(
    'deleteAbandonedRows: an import that runs in another process keeps its rows, a dead one does not',
    async (t) => {
      const em = db.fork();
      const insert = "insert into imports_staged_row (import_id, ordinal, kind, row) values (?, 1, 'new-user', '{}')";
      await em.execute(insert, ['01a00000-0000-7000-8000-000000000001']);
      if (db.engine === 'embedded') {
        await deleteAbandonedRows(db);
        t.match((await picture(em))['imports_staged_row'], /^0 /, 'the embedded engine has one process: this one');
        return;
      }
      const rows = [...smallProject, ...Array.from({ length: 1200 }, (_, index) => userRow(index + 1, `user${index}`))];
      let dropped = Promise.resolve();
      const input = {
        text: JSON.stringify(rows),
        file: 'd',
        audience: 'big',
        dryRun: false,
        existing: 'fail',
        superusers: 'api',
        trustEmails: false,
      } as const;
      const report = await importDjango(db, audit, input, ({ step, done }) => {
        if (step === 'stage' && done === 500) dropped = deleteAbandonedRows(db);
      });
      await dropped;
      t.match(report, { users: { created: 1200 } });
      t.match((await picture(em))['imports_staged_row'], /^0 /);
    },
  );
});
