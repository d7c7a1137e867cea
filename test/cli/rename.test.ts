import { findApi, readRights } from '../../src/permissions/index.ts';
import { STATUS } from '../../src/tokens/index.ts';
import { findUser, renameUser, User, userPrincipal } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import { jwtClaims } from '../support/flows.ts';
import { audit } from '../support/server.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';
import { GOOD_PASSWORD, lastEntry, openCliHarness } from './harness.ts';

const file = (audience: string) => `audience: ${audience}\napps: {${audience}: {models: [question]}}`;

await onEachEngine(t, async (t, db) => {
  const cliHarness = await openCliHarness(db);
  const { app, http, ...world } = await openWorld(db);
  t.teardown(() => app.close());
  await cliHarness.json('api sync f', { file: file('polls') });
  await cliHarness.json('api sync f', { file: file('quiet') });
  await cliHarness.json('api update quiet --username off');
  const make = async (name: string) =>
    (await cliHarness.json(`user create ${name} --password-stdin`, { stdin: GOOD_PASSWORD })).user as { id: string };
  const login = async (username: string, audience: string) => {
    const answer = await http.json('/api/v1/login', { username, password: GOOD_PASSWORD, audience });
    const [cookie] = answer.cookies;
    return { status: answer.statusCode, ...answer.json(), cookie: `${cookie?.name}=${cookie?.value}` };
  };
  const session = async (cookie: string) => (await http.as({ cookie }).get('/api/v1/session')).json().user;
  const hasPerm = async (token: string) => (await http.hasPerm(token, ['polls.add_question'])).json();
  const stateOf = async (token: string) => {
    const { idx } = jwtClaims(token).status.status_list;
    const [row] = await db
      .fork()
      .execute<{ state: number }[]>('select state::int as state from tokens_status where idx = ?', [idx]);
    return row?.state;
  };

  await t.test(
    'docs/commands.md: user rename: the id, rights and sessions stay, the next token says the new name',
    async (t) => {
      const { id } = await make('alice');
      await cliHarness.json('perm grant --user alice --api polls polls.add_question');
      const first = await login('alice', 'polls');
      const silent = await login('alice', 'quiet');
      t.equal(jwtClaims(first.access_token).username, 'alice');
      t.equal((await session(first.cookie)).username, 'alice');
      t.equal((await hasPerm(first.access_token)).results['polls.add_question'], true);

      const told = await cliHarness.json('user rename ALICE alicia');
      t.match(told, { before: 'alice', user: { id, username: 'alicia' } });
      t.match(await lastEntry(db), {
        action: 'change',
        objectKind: 'user',
        objectId: id,
        objectLabel: 'alicia',
        before: { username: 'alice' },
        after: { username: 'alicia' },
        actorLabel: 'cli:1000',
      });
      t.equal((await session(first.cookie)).username, 'alicia', 'the session goes on, under the new name at once');
      t.equal((await hasPerm(first.access_token)).results['polls.add_question'], true, 'with the same rights');
      t.equal(
        await stateOf(first.access_token),
        STATUS.suspended,
        'docs/freshness.md: what a token says was taken away',
      );
      t.equal(await stateOf(silent.access_token), STATUS.valid, 'a token without a name says nothing wrong');
      const again = await http.as(first).json('/api/v1/token', { audience: 'polls' });
      t.match(jwtClaims(again.json().access_token), { sub: id, username: 'alicia' });
      t.equal((await login('alice', 'polls')).status, 401, 'the old name is nobody');
      t.equal((await login('alicia', 'polls')).status, 200);
    },
  );

  await t.test('docs/commands.md: the old name is free, and whoever takes it is somebody else', async (t) => {
    const { id } = await make('alice');
    t.not(id, (await findUser(db.fork(), 'alicia'))?.id);
    t.match(await cliHarness.run('perm list --user alice --api polls'), { stdout: /holds no permission/ });
  });

  await t.test(
    'docs/commands.md, docs/login-api.md: user rename: exit codes, uniqueness by key, and nothing done when it fails',
    async (t) => {
      await make('bob');
      const before = await cliHarness.counts();
      for (const [words, exit, text] of [
        ['user rename bob alicia', 4, /already exists/],
        ['user rename bob ＡＬＩＣＩＡ', 4, /already exists/],
        ['user rename bob a@b.test', 2, /letters, digits/],
        ['user rename bob signet', 2, /look like an id/],
        [`user rename bob ${'0'.repeat(32)}`, 2, /look like an id/],
        [`user rename bob ${'x'.repeat(151)}`, 2, /at most 150 characters/],
        ['user rename nobody robert', 3, /no user "nobody"/],
        ['user rename bob', 2, /Usage: npx signet user rename/],
      ] as const)
        t.match(await cliHarness.run(words), { exit, stdout: '', stderr: text }, words);
      t.match(await cliHarness.run('user rename bob bob'), { exit: 0, stdout: /already has the name bob/ });
      t.same(await cliHarness.counts(), before, 'no entry either');
      t.match(
        (await cliHarness.json('user rename bob BOB')).user,
        { username: 'BOB' },
        'another spelling of the own name',
      );
      t.equal((await findUser(db.fork(), 'bob'))?.username, 'BOB');
    },
  );

  await t.test('docs/login-api.md: of two that take one name at once, one gets it', async (t) => {
    const users = await Promise.all(['x1', 'x2', 'x3', 'x4'].map(make));
    const outcomes = await Promise.all(users.map((one) => renameUser(db.fork(), audit(), one, 'wanted')));
    t.equal(outcomes.filter((one) => one instanceof User).length, 1);
    for (const one of outcomes) if (!(one instanceof User)) t.match(one, [{ pointer: '/username', code: 'unique' }]);
  });

  await t.test(
    'docs/commands.md: group update --name: members, permissions and tokens stay; what is kept is not',
    async (t) => {
      const { id } = await make('gina');
      await cliHarness.json('group create Editors');
      await cliHarness.json('group add Editors gina');
      await cliHarness.json('perm grant --group Editors --api polls polls.add_question');
      const { access_token, cookie } = await login('gina', 'polls');
      t.same((await session(cookie)).groups, ['Editors']);
      t.match(await cliHarness.json('group update EDITORS --name Authors'), {
        before: 'Editors',
        group: { name: 'Authors' },
      });
      t.match(await lastEntry(db), {
        objectKind: 'group',
        objectLabel: 'Authors',
        before: { name: 'Editors' },
        after: { name: 'Authors' },
      });
      t.same((await session(cookie)).groups, ['Authors'], 'at once');
      t.equal((await hasPerm(access_token)).results['polls.add_question'], true);
      t.equal(await stateOf(access_token), STATUS.valid, 'access tokens say no groups');
      t.match((await cliHarness.json('group show authors')).members, ['gina']);
      t.match(await cliHarness.run('group show Editors'), { exit: 3 });
      await cliHarness.json('group create Editors');
      const before = await cliHarness.counts();
      for (const [words, exit, text] of [
        ['group update Authors --name EDITORS', 4, /There is already a group "Editors"/],
        ["group update Authors --name ' '", 2, /name of the group is empty\. Enter a name/],
        [`group update Authors --name ${'x'.repeat(151)}`, 2, /150 characters/],
        ['group update Authors', 2, /--name is missing/],
        ['group update Nobody --name X', 3, /no group "Nobody"/],
      ] as const)
        t.match(await cliHarness.run(words), { exit, stdout: '', stderr: text }, words);
      t.match(await cliHarness.run('group update Authors --name Authors'), {
        exit: 0,
        stdout: /called "Authors" already/,
      });
      t.same(await cliHarness.counts(), before);
      t.equal((await cliHarness.json('group update Authors --name AUTHORS')).group.name, 'AUTHORS');
      t.equal((await findUser(db.fork(), 'gina'))?.id, id);
    },
  );

  await t.test(
    'docs/freshness.md: a group of more than 1,000 is renamed for all of them in the one transaction',
    async (t) => {
      const polls = await findApi(db.fork(), 'polls');
      const { cookie } = await login('gina', 'polls');
      const gina = (await findUser(db.fork(), 'gina')) as User;
      const group = await world.group('Crowd', gina);
      await db.fork().execute(
        `with made as (select gen_random_uuid() as id from generate_series(1, 1001)), principals as (
         insert into permissions_principal (id, kind) select id, 'user' from made
       ) insert into permissions_group_member (principal_id, group_id) select id, ? from made`,
        [group.id],
      );
      t.ok((await session(cookie)).groups.includes('Crowd'));
      await cliHarness.json('group update Crowd --name Multitude');
      t.ok((await session(cookie)).groups.includes('Multitude'));
      const spread = await db.fork().execute('select 1 from permissions_fan_out');
      t.equal(spread.length, 0, 'there is nothing to tell in batches');
      const rights = await readRights(db.fork(), userPrincipal(gina), polls?.id as string, new Date());
      t.ok(rights.groups.includes('Multitude'));
    },
  );
});
