import { ImportedRecord } from '../../src/imports/index.ts';
import { Principal } from '../../src/permissions/index.ts';
import { PlatformState } from '../../src/platform/database/index.ts';
import { onEachEngine } from '../support/database.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';
import { answeringTerminal, lastEntry, openCliHarness } from './harness.ts';

const dumpOf = (group: string, usernames: readonly string[]) =>
  JSON.stringify([
    { model: 'contenttypes.contenttype', pk: 1, fields: { app_label: 'shop', model: 'order' } },
    { model: 'auth.permission', pk: 1, fields: { name: 'Can add order', content_type: 1, codename: 'add_order' } },
    { model: 'auth.permission', pk: 2, fields: { name: 'Can ship', content_type: 1, codename: 'ship' } },
    { model: 'auth.group', pk: 1, fields: { name: group, permissions: [1] } },
    ...usernames.map((username, index) => ({
      model: 'auth.user',
      pk: index + 1,
      fields: {
        password: '!',
        username,
        is_superuser: index === 1,
        is_active: true,
        is_staff: false,
        email: '',
        first_name: '',
        last_name: '',
        date_joined: '2022-08-10T18:32:23Z',
        groups: [1],
        user_permissions: index === 0 ? [2] : [],
      },
    })),
  ]);
const dump = dumpOf('Packers', ['ada', 'bob']);

t.test('api delete', (t) =>
  onEachEngine(t, async (t, db) => {
    const cliHarness = await openCliHarness(db);
    const { app, http } = await openWorld(db);
    t.teardown(() => app.close());
    await cliHarness.json('import django f --api shop', { file: dump });
    await cliHarness.json('import django f --api other', { file: dumpOf('Stowers', ['dan', 'eve']) });
    await cliHarness.json('perm grant --user ada --api other shop.add_order shop.ship');
    await cliHarness.json('user create cyd');
    const { client_id: clientId } = await cliHarness.json(
      'client create reports --preset service --api shop --serves shop',
    );
    await cliHarness.json(`perm grant --client ${clientId} --api shop shop.ship`);
    const token = (await cliHarness.run('token issue --user ada --api shop')).stdout.trim();
    const versions = async () =>
      new Map((await db.fork().findAll(Principal, {})).map((one) => [one.id, one.permsVersion]));
    const idOf = async (name: string) => (await cliHarness.json(`user show ${name}`)).user.id as string;

    await t.test(
      'docs/commands.md: it says first what goes with the API, and does nothing without a yes',
      async (t) => {
        const before = await cliHarness.counts();
        t.match(await cliHarness.run('api delete shop'), { exit: 2, stdout: '', stderr: /--yes/ });
        t.match(await cliHarness.run('api delete shop', { terminal: answeringTerminal('other') }), {
          exit: 1,
          stderr: /Nothing/,
        });
        const said = cliHarness.progress.at(-1) ?? '';
        t.match(said, /Permissions +2, of 1 model\n/);
        t.match(said, /Assignments +1 to users, 1 to clients, 1 to groups; 1 flag at it\n/);
        t.match(said, /Holders +3 users or clients/);
        t.match(said, /Clients +reports requests it, reports serves it\n/);
        t.match(said, /Imports +5 records forgotten; users and groups stay\n/);
        t.match(await cliHarness.run('api delete shpo', { terminal: answeringTerminal() }), {
          exit: 3,
          stderr: /Did you mean "shop"\?/,
        });
        t.same(await cliHarness.counts(), before);
      },
    );

    await t.test("docs/permissions.md: Signet's own API cannot be deleted, by any of its names (exit 4)", async (t) => {
      const before = await cliHarness.counts();
      for (const name of ['signet', 'http://localhost:4000', 'http://localhost:4000/'])
        for (const given of [`api delete ${name} --yes`, `api delete ${name}`])
          t.match(
            await cliHarness.run(given, { terminal: answeringTerminal() }),
            { exit: 4, stderr: /Signet's own API/ },
            given,
          );
      t.same(await cliHarness.counts(), before);
    });

    await t.test('docs/commands.md: everything that was given of it goes, and everyone touched is told', async (t) => {
      const [ada, bob, cyd] = [await idOf('ada'), await idOf('bob'), await idOf('cyd')];
      const before = await versions();
      const done = await cliHarness.json('api delete shop', { terminal: answeringTerminal('shop') });
      t.match(done, {
        audience: 'shop',
        deleted: true,
        permissions: 2,
        assignments: { users: 1, clients: 1, groups: 1 },
        holders: 3,
        clients: [{ client_id: clientId, role: 'requests' }, { role: 'serves' }],
        imported_records: 5,
      });
      const after = await versions();
      const grown = [...after].filter(([id, version]) => version > (before.get(id) ?? 0)).map(([id]) => id);
      t.equal(grown.length, 3);
      t.ok(grown.includes(ada) && grown.includes(bob) && !grown.includes(cyd));
      t.match(await lastEntry(db), {
        action: 'delete',
        objectKind: 'api',
        objectLabel: 'shop',
        before: { audience: 'shop', permissions: 2, holders: 3 },
      });
      t.match(await cliHarness.run('api show shop'), { exit: 3 });
      t.match((await cliHarness.json('client show reports')).requests ?? [], []);
      const em = db.fork();
      t.equal(await em.count(ImportedRecord, { source: 'shop' }), 0);
      t.equal(await em.count(ImportedRecord, { source: 'other' }), 5, 'those of another API stay');
      t.equal(await em.count(PlatformState, { name: 'import.user-model:shop' }), 0);
      const response = await http.hasPerm(token, ['shop.ship']);
      t.equal(response.statusCode, 401, 'its tokens are refused');
      t.match((await cliHarness.json('perm list --user ada')).permissions, [
        { audience: 'other', name: 'shop.add_order' },
        { audience: 'other', name: 'shop.ship' },
      ]);
      t.match(await cliHarness.run('api delete shop --yes'), { exit: 3 });
    });

    await t.test(
      'docs/guides/django-import.md: an API of the same name knows nothing of the imports before',
      async (t) => {
        const met = await cliHarness.run('import django f --api shop --existing update', { file: dump });
        t.match(met, { exit: 4, stderr: /Signet has a user "ada" from elsewhere/ }, 'an equal name is no match');
        const report = await cliHarness.json('import django f --api shop --existing skip', { file: dump });
        t.match(report, { api_created: true, users: { known: 0 } });
        t.same(
          (await cliHarness.json('perm list --user ada --api shop')).permissions,
          [],
          'users of elsewhere get nothing',
        );
      },
    );

    await t.test('docs/commands.md: of several that delete one API at once, one does', async (t) => {
      const results = await Promise.all(Array.from({ length: 4 }, () => cliHarness.run('api delete shop --yes')));
      t.equal(results.filter((one) => one.exit === 0).length, 1);
      t.ok(
        results.every((one) => [0, 3, 4].includes(one.exit)),
        JSON.stringify(results),
      );
    });
  }),
);
