import t from 'tap';
import {
  addMembers,
  assign,
  changeCatalogue,
  createApi,
  createGroup,
  deleteGroup,
  findApi,
  getGroup,
  getPermissions,
  groupsOf,
  OWN_AUDIENCE,
  Principal,
  readRights,
} from '../../../src/access/index.ts';
import { describeReport, dropStaged, type ImportReport } from '../../../src/identity/import/index.ts';
import { createUser, findUser, holderOf, makeUnusable, type User, updateUser } from '../../../src/identity/index.ts';
import type { Database } from '../../../src/platform/database/index.ts';
import { Failure } from '../../../src/platform/failure.ts';
import { onEachEngine } from '../../support/database.ts';
import { now, picture, type Row, runImport, smallProject, stamp, userRow } from './dumps.ts';

let counter = 0;

/** Every test imports into an API of its own, names of its own included, so that none meets another's. */
function project(users: readonly Row[] = []) {
  const tag = `t${counter++}`;
  const rows = smallProject.map((one) =>
    one.model === 'auth.group' ? { ...one, fields: { ...one.fields, name: `Editors ${tag}` } } : one,
  );
  const named = users.map((one) => ({
    ...one,
    fields: { ...one.fields, username: `${one.fields['username']}-${tag}` },
  }));
  return { audience: `site-${tag}`, group: `Editors ${tag}`, tag, rows: [...rows, ...named] };
}

async function failureOf(work: Promise<unknown>): Promise<Failure & { details: { report: ImportReport } }> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Failure) return error as never;
    throw error;
  }
  throw new Error('it did not fail');
}

async function makeUser(db: Database, username: string): Promise<User> {
  return (await createUser(db.fork(), stamp, {
    username,
    password: makeUnusable(),
    email: `${username}@signet.test`,
  })) as User;
}

async function permissionsOf(db: Database, username: string, audience: string): Promise<string[]> {
  const em = db.fork();
  const user = (await findUser(em, username)) as User;
  const api = await findApi(em, audience);
  return [...(await readRights(db, holderOf(user), api?.id as string, now)).permissions].sort();
}

await onEachEngine(t, async (t, db) => {
  await t.test('what was changed in Signet since is not undone, and reported', async (t) => {
    const users = ['ada', 'bob', 'cyd', 'dee', 'eve'].map((name, index) =>
      userRow(index + 1, name, { groups: [1], user_permissions: [2] }),
    );
    const { rows, audience, tag, group } = project(users);
    await runImport(db, rows, { audience });
    const em = db.fork();
    const user = async (name: string) => (await findUser(em, `${name}-${tag}`)) as User;
    await updateUser(em, stamp, await user('ada'), { email: 'ada@new.test', isActive: false });
    const bob = await user('bob');
    await addMembers(em, stamp, await createGroup(em, stamp, `Others ${tag}`), [{ id: bob.id, label: bob.username }]);
    await em.execute('delete from access_assignment where principal_id = ?', [(await user('cyd')).id]);
    await em.execute('delete from access_principal where id = ?', [(await user('dee')).id]);
    const eve = await user('eve');
    await em.execute('update identity_user set password_epoch = 2 where id = ?', [eve.id]);
    const api = await findApi(em, audience);
    await changeCatalogue(em, stamp, api as never, [
      { app: 'polls', codename: 'fly', label: 'May fly', model: 'question' },
    ]);
    const permissions = await getPermissions(em, api as never, ['polls.fly']);
    await assign(em, stamp, { kind: 'group', group: await getGroup(em, group) }, permissions);

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
        stamp,
        api as never,
        [{ app: 'polls', codename: 'add_question', label: 'Can add question' }],
        { prune: true },
      );
      await deleteGroup(em, stamp, await getGroup(em, group));
      const more = userRow(2, `bob-${tag}`, { groups: [1], user_permissions: [1, 2] });
      const report = await runImport(db, [...rows, more], { audience });
      t.match(report, { users: { created: 1, known: 1 }, permissions: { known: 2 }, groups: { known: 1 } });
      t.same(
        report.unmapped.map((one) => one.what),
        [`its group "${group}" was deleted in Signet`, 'its permission polls.fly was removed in Signet'],
      );
      t.same(await permissionsOf(db, `bob-${tag}`, audience), ['polls.add_question']);
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
    const fieldsOf = (pk: number, model = 'auth.user') =>
      changed.find((one) => one.model === model && one.pk === pk)?.fields as Record<string, unknown>;
    Object.assign(fieldsOf(1), { groups: [], is_superuser: true, first_name: 'Ada' });
    Object.assign(fieldsOf(2), { password: 'md5$other$00112233445566778899aabbccddeeff' });
    Object.assign(fieldsOf(3), { last_login: '2026-01-01T00:00:00Z' });
    Object.assign(fieldsOf(1, 'auth.group'), { permissions: [1, 2] });
    Object.assign(fieldsOf(2, 'auth.permission'), { name: 'Can fly high' });
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

  await t.test('--existing fail: names that Signet has from elsewhere are listed, nothing is written', async (t) => {
    const { rows, audience, tag, group } = project([userRow(1, 'ada'), userRow(2, 'bob')]);
    await makeUser(db, `Ada-${tag.toUpperCase()}`);
    await createGroup(db.fork(), stamp, group.toUpperCase());
    const before = await picture(db.fork());
    const failure = await failureOf(runImport(db, rows, { audience }));
    t.equal(failure.kind, 'conflict');
    t.match(failure.message, new RegExp(`auth\\.user 1 "ada-${tag}"`));
    t.match(failure.message, /--existing skip.*--existing update/);
    t.same(
      failure.details.report.conflicts.map((one) => one.record),
      ['auth.group 1', 'auth.user 1'],
    );
    t.same(await picture(db.fork()), before);
    const dry = await runImport(db, rows, { audience, dryRun: true });
    t.same({ ...dry, dryRun: false }, failure.details.report, 'a dry run tells the same and fails not');
  });

  await t.test('--existing skip: what exists is left alone, and nobody becomes a member of it', async (t) => {
    const { rows, audience, tag, group } = project([
      userRow(1, 'ada', { user_permissions: [1] }),
      userRow(2, 'bob', { groups: [1] }),
    ]);
    await makeUser(db, `ada-${tag}`);
    await createGroup(db.fork(), stamp, group);
    const report = await runImport(db, rows, { audience, existing: 'skip' });
    t.match(report, { users: { created: 1, skipped: 1 }, groups: { skipped: 1 } });
    t.match(report.unmapped, [{ record: 'auth.user 2', what: /was skipped/ }]);
    t.same(await permissionsOf(db, `ada-${tag}`, audience), []);
    t.same(await permissionsOf(db, `bob-${tag}`, audience), []);
    t.match(await runImport(db, rows, { audience, existing: 'skip' }), {
      importId: null,
      users: { known: 1, skipped: 1 },
    });
  });

  await t.test(
    '--existing update: groups and permissions are added, password, flags and e-mail untouched',
    async (t) => {
      const fields = {
        groups: [1],
        user_permissions: [2],
        is_superuser: true,
        is_staff: true,
        email: 'other@site.test',
        is_active: false,
      };
      const { rows, audience, tag, group } = project([userRow(1, 'ada', fields), userRow(2, 'cyd', { groups: [1] })]);
      const ada = await makeUser(db, `ada-${tag}`);
      const bob = await makeUser(db, `bob-${tag}`);
      const existing = await createGroup(db.fork(), stamp, group);
      await addMembers(db.fork(), stamp, existing, [{ id: bob.id, label: bob.username }]);
      const stateOf = (id: string) =>
        db
          .fork()
          .execute<Record<string, unknown>[]>('select u.*, 0 as version from identity_user u where id = ?', [id]);
      const versionOf = async (id: string) => (await db.fork().findOneOrFail(Principal, id)).permsVersion;
      const [before, adaVersion, bobVersion] = [
        await stateOf(ada.id),
        await versionOf(ada.id),
        await versionOf(bob.id),
      ];
      const report = await runImport(db, rows, { audience, existing: 'update', superusers: 'global' });
      t.match(report, {
        users: { created: 1, updated: 1 },
        groups: { updated: 1 },
        added: { groupPermissions: 1, memberships: 2, userPermissions: 1 },
      });
      t.same(await stateOf(ada.id), before, 'the user is as before');
      t.same(report.superusers.names, [], 'and no superuser');
      t.same(await permissionsOf(db, `ada-${tag}`, audience), ['polls.add_question', 'polls.fly']);
      t.same(
        await permissionsOf(db, `bob-${tag}`, audience),
        ['polls.add_question'],
        'members of the group have what it was given',
      );
      t.equal(await versionOf(ada.id), adaVersion + 1, 'what was computed before is stale');
      t.equal(await versionOf(bob.id), bobVersion + 1);
      const after = await picture(db.fork());
      const second = await runImport(db, rows, { audience });
      t.match(second, {
        importId: null,
        users: { known: 2 },
        groups: { known: 1 },
        changedInSignet: [],
        changedInDump: [],
      });
      t.same(await picture(db.fork()), after, 'a second run knows them');
    },
  );

  await t.test('one person in two imported projects: --existing update gives the rights of both', async (t) => {
    const first = project([userRow(1, 'ada', { groups: [1] })]);
    await runImport(db, first.rows, { audience: first.audience });
    const audience = `${first.audience}-2`;
    t.equal(
      (await failureOf(runImport(db, first.rows, { audience }))).kind,
      'conflict',
      'another API is another source',
    );
    await runImport(db, first.rows, { audience, existing: 'update' });
    t.same(await permissionsOf(db, `ada-${first.tag}`, audience), ['polls.add_question']);
    t.same(await permissionsOf(db, `ada-${first.tag}`, first.audience), ['polls.add_question']);
    t.equal((await groupsOf(db.fork(), ((await findUser(db.fork(), `ada-${first.tag}`)) as User).id)).length, 1);
    t.match(await runImport(db, first.rows, { audience: first.audience }), { importId: null, changedInSignet: [] });
  });

  await t.test('records of one dump that fold to one name are a conflict, whatever --existing says', async (t) => {
    const { rows, audience, tag } = project([userRow(1, 'ada'), userRow(2, 'Ada'), userRow(3, 'bob')]);
    const groups: Row[] = [{ model: 'auth.group', pk: 2, fields: { name: `EDITORS ${tag}`, permissions: [] } }];
    const before = await picture(db.fork());
    for (const existing of ['fail', 'skip', 'update'] as const) {
      const failure = await failureOf(runImport(db, [...rows, ...groups], { audience, existing }));
      t.equal(failure.kind, 'conflict');
      t.same(
        failure.details.report.conflicts.map((one) => one.record),
        ['auth.group 1', 'auth.group 2', 'auth.user 1', 'auth.user 2'],
      );
      t.match(failure.message, /rename or remove one of them in Django/);
    }
    t.same(await picture(db.fork()), before);
    await runImport(
      db,
      rows.filter((one) => one.fields['username'] !== `Ada-${tag}`),
      { audience },
    );
    const later = await failureOf(runImport(db, rows, { audience, existing: 'update' }));
    t.same(
      later.details.report.conflicts.map((one) => one.record),
      ['auth.user 2'],
      'also when one of them was imported before',
    );
  });

  await t.test('--dry-run: the same report, nothing written', async (t) => {
    const { rows, audience } = project([userRow(1, 'ada', { groups: [1] })]);
    const before = await picture(db.fork());
    const dry = await runImport(db, rows, { audience, dryRun: true });
    t.same(await picture(db.fork()), before);
    const real = await runImport(db, rows, { audience });
    t.same({ ...dry, dryRun: false, importId: real.importId }, real);
    t.match(describeReport(dry), /^Dry run: nothing was written\..*Next: run the same command without --dry-run\.$/s);
    const refused = await failureOf(runImport(db, rows, { audience: 'no audience', dryRun: true }));
    t.equal(refused.kind, 'usage', 'a malformed audience is refused as it would be');
  });

  await t.test("an import into Signet's own API is refused: its superusers would rule Signet", async (t) => {
    const { rows } = project();
    t.equal((await failureOf(runImport(db, rows, { audience: OWN_AUDIENCE }))).kind, 'usage');
  });

  await t.test('one API takes users of one user model: primary keys of two could not be told apart', async (t) => {
    const { rows, audience } = project([userRow(1, 'ada')]);
    await runImport(db, rows, { audience });
    const custom = rows.map((one) => (one.model === 'auth.user' ? { ...one, model: 'shop.customer' } : one));
    const failure = await failureOf(runImport(db, custom, { audience, userModel: 'shop.Customer' }));
    t.equal(failure.kind, 'conflict');
    t.match(failure.message, /imported from auth\.user.*Import them into another API/);
  });

  await t.test('an API that exists keeps its permissions; those of the same name are taken over', async (t) => {
    const { rows, audience } = project([userRow(1, 'ada', { user_permissions: [1] })]);
    const em = db.fork();
    const api = await createApi(em, stamp, audience);
    await changeCatalogue(em, stamp, api, [
      { app: 'polls', codename: 'add_question', label: 'Can add a question', model: 'question' },
      { app: 'polls', codename: 'own', label: 'Own' },
    ]);
    const report = await runImport(db, rows, { audience });
    t.match(report, { apiCreated: false, permissions: { created: 1, updated: 1 } });
    const names = await db
      .fork()
      .execute('select name, label from access_permission where api_id = ? order by index', [api.id]);
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
        userRow(1, 'ada', { email: `one-${counter}@site.test` }),
        userRow(2, 'bob', { email: `two-${counter}@site.test` }),
        userRow(3, 'cyd', { email: `TWO-${counter}@Site.test` }),
        userRow(4, 'dee', { email: '' }),
        userRow(5, 'eve', { email: `known-t${counter}@signet.test` }),
      ]);
      await makeUser(db, `known-${tag}`);
      const report = await runImport(db, rows, { audience, trustEmails: true });
      t.match(report, { emails: { verified: 1, unverified: 3 } });
      t.same(
        report.emails.notUnique.map((one) => one.record),
        ['auth.user 2', 'auth.user 3', 'auth.user 5'],
      );
      const verified = await db
        .fork()
        .execute<{ username: string }[]>(
          "select username from identity_user where email_verified_at is not null and username like '%' || ?",
          [`-${tag}`],
        );
      t.same(verified, [{ username: `ada-${tag}` }]);
      const [dee] = await db
        .fork()
        .execute<{ key: string | null }[]>('select email_key as key from identity_user where username = ?', [
          `dee-${tag}`,
        ]);
      t.equal(dee?.key, null, "'' is none");
    },
  );

  await t.test('all or nothing: a failure in the last transaction leaves nothing, not even staged rows', async (t) => {
    const { rows, audience } = project([userRow(1, 'ada', { groups: [1] })]);
    const before = await picture(db.fork());
    const em = db.fork();
    await em.execute(
      "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$",
    );
    await em.execute('create trigger refuse before delete on identity_import_staged execute function refuse()');
    // The rows are put aside and applied; the deletion of the staged ones is the last statement.
    await t.rejects(runImport(db, rows, { audience }), /refused/);
    await em.execute('drop trigger refuse on identity_import_staged');
    const between = await picture(db.fork());
    t.not(
      between['identity_import_staged'],
      before['identity_import_staged'],
      'here they stay, for their deletion was refused',
    );
    await dropStaged(db.fork());
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

  await t.test('a name that is taken while the import runs refuses all of it', async (t) => {
    const { rows, audience, tag } = project([userRow(1, 'ada')]);
    const em = db.fork();
    await em.execute(
      `create function take() returns trigger language plpgsql as $$ begin
         insert into access_principal (id, kind) values ('00000000-0000-0000-0000-00000000000${db.engine === 'embedded' ? 1 : 2}', 'user');
         insert into identity_user (id, username, username_key, password, date_joined, attributes)
           select id, 'ada-${tag}', 'ada-${tag}', '!', now(), '{}' from access_principal where id::text like '00000000-%';
         return null; end $$`,
    );
    await em.execute('create trigger take after insert on access_api execute function take()');
    const before = await picture(db.fork());
    const failure = await failureOf(runImport(db, rows, { audience }));
    t.equal(failure.kind, 'conflict');
    t.match(failure.message, /^Nothing was imported: .* meanwhile/);
    t.same(await picture(db.fork()), before);
    await em.execute('drop trigger take on access_api');
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
      if (one.status === 'rejected') t.match(one.reason, { name: 'Failure', kind: 'conflict' });
    const [{ count } = { count: 0 }] = await db
      .fork()
      .execute<{ count: number }[]>('select count(*)::int as count from identity_import where source = ?', [audience]);
    t.equal(count, 5);
    t.match((await picture(db.fork()))['identity_import_staged'], /^0 /);
  });
});

await onEachEngine(t, async (t, db) => {
  await t.test('dropStaged: an import that runs in another process keeps its rows, a dead one does not', async (t) => {
    const em = db.fork();
    const insert = "insert into identity_import_staged (import_id, ordinal, kind, row) values (?, 1, 'new-user', '{}')";
    await em.execute(insert, ['01a00000-0000-7000-8000-000000000001']);
    if (db.engine === 'embedded') {
      await dropStaged(em);
      t.match((await picture(em))['identity_import_staged'], /^0 /, 'the embedded engine has one process: this one');
      return;
    }
    const rows = [...smallProject, ...Array.from({ length: 1200 }, (_, index) => userRow(index + 1, `user${index}`))];
    let dropped = Promise.resolve();
    const { importDjango } = await import('../../../src/identity/import/index.ts');
    const input = {
      text: JSON.stringify(rows),
      file: 'd',
      audience: 'big',
      dryRun: false,
      existing: 'fail',
      superusers: 'api',
      trustEmails: false,
    } as const;
    const report = await importDjango(db, stamp, input, ({ step, done }) => {
      if (step === 'stage' && done === 500) dropped = dropStaged(db.fork());
    });
    await dropped;
    t.match(report, { users: { created: 1200 } });
    t.match((await picture(em))['identity_import_staged'], /^0 /);
  });
});
