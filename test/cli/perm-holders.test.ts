import { hasPerm } from '../../src/permissions/has-perm.ts';
import { findApi, readRights, setRole } from '../../src/permissions/index.ts';
import { findUser, listUsers, type User, userPrincipal } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import { audit } from '../support/server.ts';
import t from '../support/tap.ts';
import { openCliHarness } from './harness.ts';

const polls = 'audience: polls\napps: {polls: {models: [question, choice]}}';
const NAMES = ['polls.add_question', 'polls.view_question', 'polls.add_choice', 'polls.change_choice'];
const ODD = ['polls.no_such', 'no dot', 'a.b.c', '.', 'polls.', 'POLLS.ADD_QUESTION', '__proto__', 'ⅷ', '%', '-'];

/** Numbers that look random and are the same at every run. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    yield state;
  }
}

await onEachEngine(t, async (t, db) => {
  const cliHarness = await openCliHarness(db);
  await cliHarness.json('api sync f', { file: polls });
  await cliHarness.json('api create shop');
  const api = await findApi(db.fork(), 'polls');
  const shop = await findApi(db.fork(), 'shop');
  if (!api || !shop) throw new Error('the APIs are missing');
  const holders = (words: string) => cliHarness.json(`perm holders --api polls ${words}`);
  const namesOf = async (words: string) =>
    (await holders(words)).users.map((one: { username: string }) => one.username) as string[];

  // Who may do what, by every way there is.
  const next = numbers(11);
  const isSo = (one: number) => (next.next().value >> 8) % one === 0;
  for (const group of ['readers', 'writers']) await cliHarness.json(`group create ${group}`);
  for (const [group, name] of [
    ['readers', NAMES[1]],
    ['writers', NAMES[0]],
    ['writers', NAMES[1]],
  ])
    await cliHarness.json(`perm grant --group ${group} --api polls ${name}`);
  for (let i = 0; i < 24; i++) {
    const username = `user${String.fromCharCode(97 + i)}`;
    const { user } = await cliHarness.json(`user create ${username} ${isSo(8) ? '--superuser' : ''}`);
    for (const name of NAMES) if (isSo(4)) await cliHarness.json(`perm grant --user ${username} --api polls ${name}`);
    for (const group of ['readers', 'writers']) if (isSo(4)) await cliHarness.json(`group add ${group} ${username}`);
    for (const at of [api, shop])
      if (isSo(5))
        await setRole(db.fork(), audit(), { id: user.id, label: username }, at, {
          isStaff: true,
          isSuperuser: isSo(2),
        });
    if (isSo(6)) await cliHarness.json(`user deactivate ${username}`);
  }
  // Of some of it the time is up.
  const past = [
    "'2020-01-01'",
    'id < (select percentile_disc(0.2) within group (order by id) from permissions_principal)',
  ];
  await db
    .fork()
    .execute(
      `update permissions_assignment set ends_at = ${past[0]} where principal_id in (select id from permissions_principal where ${past[1]})`,
    );
  const people = await listUsers(db.fork());
  const may = async (user: User, name: string) =>
    hasPerm(await readRights(db.fork(), userPrincipal(user), api.id, new Date()), name);

  await t.test('Django with_perm: those for whom has_perm is true, whatever the name', async (t) => {
    for (const name of [...NAMES, ...ODD]) {
      const expected: string[] = [];
      for (const user of people) if (await may(user, name)) expected.push(user.username);
      t.same(await namesOf(`'${name}'`), expected, name);
      t.ok(expected.length > 0 && expected.length < people.length, `${name}: some, not all`);
    }
  });

  await t.test('Django with_perm: is_active=None and include_superusers=False', async (t) => {
    for (const name of NAMES) {
      const everybody: string[] = [];
      for (const user of people)
        if (await may({ ...user, isActive: true } as User, name)) everybody.push(user.username);
      t.same(await namesOf(`${name} --include-inactive`), everybody, name);
      const { users } = await holders(`${name} --no-superusers`);
      const kinds = users.map((one: { sources: { from: string }[] }) => one.sources.map((source) => source.from));
      t.ok(
        kinds.every((froms: string[]) => froms.some((from) => from !== 'superuser')),
        'who holds it too is not left out',
      );
    }
    t.same(await namesOf('polls.no_such --no-superusers'), [], 'nobody holds what is not there');
  });

  await t.test('docs/commands.md: perm holders names every source, and says what is no permission', async (t) => {
    await cliHarness.json('user create zora');
    await cliHarness.json('group add writers zora');
    await cliHarness.json('group add readers zora');
    await cliHarness.json('perm grant --user zora --api polls polls.view_question');
    const { users } = await holders('polls.view_question --after userz');
    t.match(users, [{ username: 'zora', is_active: true }]);
    t.same(users[0].sources, [
      { from: 'user', group: null },
      { from: 'group', group: 'readers' },
      { from: 'group', group: 'writers' },
    ]);
    const shown = await cliHarness.run('perm holders --api polls polls.view_question --after userz');
    t.match(
      shown.stdout,
      /^KIND +NAME +ACTIVE +FROM\nuser +zora +yes +given directly, group "readers", group "writers"\n$/,
    );
    t.match(await cliHarness.run('perm holders --api polls polls.no_such --no-superusers'), {
      exit: 0,
      stdout: /Nobody has polls.no_such.*\n.*has no permission "polls.no_such"/,
    });
    t.equal((await holders('polls.no_such')).is_registered, false);
    t.match(await cliHarness.run('perm holders polls.view_question'), { exit: 2, stderr: /--api is missing/ });
    t.match(await cliHarness.run('perm holders --api nowhere polls.view_question'), { exit: 3 });
    t.match(await cliHarness.run('perm holders --api polls polls.view_question --limit 0'), { exit: 2 });
  });

  await t.test('docs/commands.md: perm holders comes a page at a time, and holds everybody once', async (t) => {
    const all = await namesOf('polls.view_question');
    const paged: string[] = [];
    let after: string | null = '';
    for (let pages = 0; after !== null; pages++) {
      if (pages > all.length) throw new Error('it does not end');
      const page: { users: { username: string }[]; next_after: string | null } = await holders(
        `polls.view_question --limit 3 ${after === '' ? '' : `--after ${after}`}`,
      );
      paged.push(...page.users.map((one) => one.username));
      after = page.next_after;
    }
    t.same(paged, all);
    t.match(
      (await cliHarness.run('perm holders --api polls polls.view_question --limit 3')).stdout,
      /There are more: .*--after user/,
    );
  });

  await t.test('docs/commands.md: clients that hold it themselves come with the first page', async (t) => {
    const { client_id } = await cliHarness.json('client create Reports --preset service --api polls');
    await cliHarness.json('perm grant --client Reports --api polls polls.add_choice');
    const expected = [{ client_id, name: 'Reports', is_active: true, sources: [{ from: 'user', group: null }] }];
    t.same((await holders('polls.add_choice')).clients, expected);
    t.same((await holders('polls.view_question')).clients, []);
    t.same((await holders('polls.add_choice --after usera')).clients, []);
    await cliHarness.json('client disable Reports');
    t.same((await holders('polls.add_choice')).clients, []);
    t.match((await holders('polls.add_choice --include-inactive')).clients, [{ client_id, is_active: false }]);
  });

  await t.test('a deleted user holds nothing, not even as a superuser', async (t) => {
    await cliHarness.json('user create gone --superuser');
    t.ok((await namesOf('polls.add_choice')).includes('gone'));
    await cliHarness.json('user delete gone --yes');
    t.equal(await findUser(db.fork(), 'gone'), null);
    t.notMatch(await namesOf('polls.add_choice --include-inactive'), ['gone']);
  });
});
