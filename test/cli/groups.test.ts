import { findApi, setRole } from '../../src/permissions/index.ts';
import { findUser, type User } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import { audit } from '../support/server.ts';
import t from '../support/tap.ts';
import { lastEntry, openCliHarness } from './harness.ts';

const polls = 'audience: polls\napps: {polls: {models: [question], permissions: {publish_poll: Can publish poll}}}';

t.test('group', (t) =>
  onEachEngine(t, async (t, db) => {
    const cliHarness = await openCliHarness(db);
    for (const name of ['alice', 'bob', 'carol']) await cliHarness.json(`user create ${name}`);

    await t.test('docs/commands.md: groups are created, listed, shown, filled, emptied and deleted', async (t) => {
      t.match(await cliHarness.json("group create 'Poll editors'"), { group: { name: 'Poll editors' } });
      t.match(await cliHarness.run('group create Zoo'), { exit: 0, stdout: 'Created the group "Zoo".\n' });
      t.match((await cliHarness.json('group list')).groups, [{ name: 'Poll editors' }, { name: 'Zoo' }]);
      t.equal((await cliHarness.run('group list')).stdout, 'Poll editors\nZoo\n');
      t.same(await cliHarness.json("group add 'poll editors' bob alice BOB"), {
        group: 'Poll editors',
        added: ['bob', 'alice'],
        already_members: [],
      });
      t.match(await lastEntry(db), {
        objectKind: 'group',
        objectLabel: 'Poll editors',
        after: { members: ['bob', 'alice'] },
        actorLabel: 'cli:1000',
      });
      t.match(await cliHarness.run("group add 'Poll editors' alice carol"), {
        exit: 0,
        stdout: 'Added to "Poll editors": carol.\nMembers already: alice.\n',
      });
      t.match(await cliHarness.json("group show 'Poll editors'"), {
        group: { name: 'Poll editors' },
        members: ['alice', 'bob', 'carol'],
        permissions: [],
      });
      t.match(
        (await cliHarness.run("group show 'Poll editors'")).stdout,
        /Members +3: alice, bob, carol\nPermissions +\(none\)/,
      );
      t.same(await cliHarness.json("group remove 'Poll editors' bob"), {
        group: 'Poll editors',
        removed: ['bob'],
        not_members: [],
      });
      t.same(await cliHarness.json("group remove 'Poll editors' bob"), {
        group: 'Poll editors',
        removed: [],
        not_members: ['bob'],
      });
      t.match((await cliHarness.json('user show alice')).groups, ['Poll editors']);
      t.match(await cliHarness.run("group delete 'Poll editors'"), {
        exit: 0,
        stdout: 'Deleted the group "Poll editors". It had 2 members.\n',
      });
      t.match((await cliHarness.json('user show alice')).groups, []);
    });

    await t.test(
      'docs/commands.md: a group command that fails changes nothing and has its own exit code',
      async (t) => {
        const before = await cliHarness.counts();
        const refusals: [string, number, RegExp][] = [
          ['group create ZOO', 4, /There is already a group "Zoo"/],
          ["group create ' '", 2, /name of the group is empty\. Enter a name/],
          ['group show Zooo', 3, /Did you mean "Zoo"\?/],
          ['group add Zoo', 2, /Usage: npx signet group add NAME \(USER \| --user-id ID\)…/],
          ['group add Zoo alice nobody', 3, /no user "nobody"/],
          ['group remove Zoo alice nobody', 3, /no user "nobody"/],
          ['group add Nowhere alice', 3, /no group "Nowhere"/],
          ['group delete Nowhere', 3, /no group "Nowhere"/],
          ['group rename Zoo Park', 2, /signet group create/],
        ];
        for (const [words, exit, text] of refusals)
          t.match(await cliHarness.run(words), { exit, stdout: '', stderr: text }, words);
        t.same(await cliHarness.counts(), before);
      },
    );
  }),
);

t.test('perm', (t) =>
  onEachEngine(t, async (t, db) => {
    const cliHarness = await openCliHarness(db);
    for (const name of ['alice', 'bob', 'root'])
      await cliHarness.json(`user create ${name} ${name === 'root' ? '--superuser' : ''}`);
    await cliHarness.json('group create editors');
    await cliHarness.json('group add editors alice');
    await cliHarness.json('api sync -', { file: polls });

    await t.test(
      'docs/commands.md: perm grant gives to a user or a group, and says what was held already',
      async (t) => {
        t.same(await cliHarness.json('perm grant --user alice --api polls polls.add_question polls.publish_poll'), {
          user: 'alice',
          audience: 'polls',
          granted: ['polls.add_question', 'polls.publish_poll'],
          already_held: [],
        });
        t.match(await lastEntry(db), {
          objectKind: 'user',
          objectLabel: 'alice',
          after: { permissions: ['polls.add_question', 'polls.publish_poll'] },
        });
        t.same(await cliHarness.json('perm grant --group editors --api polls polls.add_question polls.view_question'), {
          group: 'editors',
          audience: 'polls',
          granted: ['polls.add_question', 'polls.view_question'],
          already_held: [],
        });
        const again = await cliHarness.run('perm grant --user alice --api polls polls.add_question');
        t.match(again, { exit: 0, stdout: 'Held already: polls.add_question\n' });
      },
    );

    await t.test('docs/commands.md: perm list --explain names every source', async (t) => {
      const { permissions, ...who } = await cliHarness.json('perm list --user alice --api polls --explain');
      t.same(who, { user: 'alice', is_active: true, is_superuser: false });
      t.same(permissions, [
        { audience: 'polls', name: 'polls.add_question', from: 'group', group: 'editors' },
        { audience: 'polls', name: 'polls.add_question', from: 'user', group: null },
        { audience: 'polls', name: 'polls.publish_poll', from: 'user', group: null },
        { audience: 'polls', name: 'polls.view_question', from: 'group', group: 'editors' },
      ]);
      const { stdout } = await cliHarness.run('perm list --user alice --explain');
      t.match(
        stdout,
        /^API +PERMISSION +FROM\npolls +polls\.add_question +group "editors"\npolls +polls\.add_question +given directly\n/,
      );
      t.match((await cliHarness.json('perm list --user alice')).permissions, [
        { name: 'polls.add_question' },
        { name: 'polls.publish_poll' },
        { name: 'polls.view_question' },
      ]);
      t.match(await cliHarness.json('perm list --group editors'), {
        group: 'editors',
        permissions: [{ name: 'polls.add_question' }, { name: 'polls.view_question' }],
      });
      t.match(await cliHarness.run('perm list --user bob --api polls'), {
        exit: 0,
        stdout: 'bob holds no permission of polls.\n',
      });
    });

    await t.test(
      'docs/permissions.md: a superuser holds everything, one of an API everything of that API; inactive beats both',
      async (t) => {
        const all = await cliHarness.json('perm list --user root --explain');
        t.ok(all.permissions.some((one: { audience: string }) => one.audience === 'signet'));
        t.ok(all.permissions.every((one: { from: string }) => one.from === 'superuser'));
        t.match(
          (await cliHarness.run('perm list --user root')).stdout,
          /root is a superuser: has_perm answers yes to every name\.\n$/,
        );
        const bob = (await findUser(db.fork(), 'bob')) as User;
        const api = await findApi(db.fork(), 'polls');
        await db
          .fork()
          .transactional((tx) =>
            setRole(tx, audit(), { id: bob.id, label: 'bob' }, api as never, { isStaff: true, isSuperuser: true }),
          );
        t.same((await cliHarness.json('perm list --user bob')).permissions.length, 5);
        t.match((await cliHarness.json('user show bob')).apis, [
          { audience: 'polls', is_staff: true, is_superuser: true },
        ]);
        t.match((await cliHarness.run('user show bob')).stdout, /At APIs +polls: staff, superuser\n/);
        await cliHarness.json('user deactivate bob');
        t.match(await cliHarness.run('perm list --user bob'), {
          exit: 0,
          stdout: /holds no permission\.\nbob is inactive and may do nothing/,
        });
      },
    );

    await t.test(
      'docs/commands.md: perm revoke takes what was given directly, and says what is held still',
      async (t) => {
        t.same(await cliHarness.json('perm revoke --user alice --api polls polls.add_question polls.change_question'), {
          user: 'alice',
          audience: 'polls',
          revoked: ['polls.add_question'],
          not_held: ['polls.change_question'],
          still_held: [{ name: 'polls.add_question', from: 'group', group: 'editors' }],
        });
        t.match(await lastEntry(db), { objectLabel: 'alice', before: { permissions: ['polls.add_question'] } });
        const { stdout } = await cliHarness.run('perm revoke --group editors --api polls polls.add_question');
        t.equal(stdout, 'Took from the group "editors" at polls: polls.add_question\n');
      },
    );

    await t.test('docs/permissions.md: signet and the issuer both name Signet’s own API', async (t) => {
      t.match(await cliHarness.json('perm grant --user alice --api signet auth.view_user'), {
        audience: 'signet',
        granted: ['auth.view_user'],
      });
      t.match(await cliHarness.json('perm revoke --user alice --api http://localhost:4000 auth.view_user'), {
        audience: 'signet',
        revoked: ['auth.view_user'],
      });
    });

    await t.test('docs/commands.md: a perm command that fails changes nothing and has its own exit code', async (t) => {
      const before = await cliHarness.counts();
      const refusals: [string, number, RegExp][] = [
        ['perm grant --user alice --api polls polls.change_question polls.fly', 3, /no permission polls\.fly\./],
        ['perm grant --user alice --api poll polls.change_question', 3, /Did you mean "polls"\?/],
        ['perm grant --user alice polls.change_question', 2, /--api is missing/],
        ['perm grant --api polls polls.change_question', 2, /Name a user, a group or a client/],
        [
          'perm grant --user alice --group editors --api polls polls.change_question',
          2,
          /Name a user, a group or a client/,
        ],
        ['perm grant --user alice --api polls', 2, /Usage: npx signet perm grant/],
        ['perm grant --client c_1 --api polls polls.change_question', 3, /no client "c_1"/],
        ['perm revoke --user alice --api polls polls.view_question polls.fly', 3, /polls\.fly/],
        ['perm revoke --group nobody --api polls polls.view_question', 3, /no group "nobody"/],
        ['perm list', 2, /Name a user, a group or a client/],
        ['perm list --user alice extra', 2, /Usage: npx signet perm list/],
      ];
      for (const [words, exit, text] of refusals)
        t.match(await cliHarness.run(words), { exit, stdout: '', stderr: text }, words);
      t.same(await cliHarness.counts(), before);
    });
  }),
);
