import { randomUUID } from 'node:crypto';
import { commands } from '../../src/cli/commands.ts';
import { usage } from '../../src/cli/usage.ts';
import { User } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import t from '../support/tap.ts';
import { answeringTerminal, GOOD_PASSWORD, openCliHarness } from './harness.ts';

const polls = 'audience: polls\napps: {polls: {models: [question]}}';

/** Every command that takes a user, with the user as WHO: by a word, or by `--user N`. */
const takers: Record<string, { readonly words: string; readonly stdin?: string; readonly shows: RegExp }> = {
  'user show': { words: 'user show WHO', shows: /"id": "ID"/ },
  'user update': { words: 'user update WHO --first-name Ann', shows: /"id": "ID"/ },
  'user rename': { words: 'user rename WHO AS', shows: /"before": "NAME"/ },
  'user deactivate': { words: 'user deactivate WHO', shows: /"id": "ID"/ },
  'user activate': { words: 'user activate WHO', shows: /"id": "ID"/ },
  'user delete': { words: 'user delete WHO --yes', shows: /"id": "ID"/ },
  changepassword: { words: 'changepassword WHO --password-stdin', stdin: GOOD_PASSWORD, shows: /"changed": true/ },
  'group add': { words: 'group add editors WHO', shows: /"added": \[\s*"NAME"/ },
  'group remove': { words: 'group remove editors WHO', shows: /"not_members": \[\s*"NAME"/ },
  'perm grant': { words: 'perm grant USER --api polls polls.add_question', shows: /"user": "NAME"/ },
  'perm revoke': { words: 'perm revoke USER --api polls polls.add_question', shows: /"user": "NAME"/ },
  'perm list': { words: 'perm list USER', shows: /"user": "NAME"/ },
  'session list': { words: 'session list USER', shows: /"sessions"/ },
  'session end': { words: 'session end USER', shows: /"user": "NAME"/ },
  'grant list': { words: 'grant list USER', shows: /"grants"/ },
  'grant end': { words: 'grant end USER', shows: /"ended"/ },
  'token issue': { words: 'token issue USER --api polls', shows: /"access_token"/ },
};

t.test('docs/commands.md: the table names every command that takes a user', async (t) => {
  const taking = commands.filter((one) => /--user N|--user-id|\bUSER\b/.test(usage(one))).map((one) => one.name);
  t.same(taking.sort(), Object.keys(takers).sort());
  for (const command of commands.filter((one) => taking.includes(one.name))) {
    t.match(usage(command), /--user-id ID/, command.name);
    t.ok(command.options?.['user-id'], command.name);
  }
  const byWord = commands.filter((one) => /^user \w+ \(?NAME/.test(usage(one)));
  t.same(
    byWord.map((one) => one.name).filter((one) => !taking.includes(one)),
    ['user create'],
    'and whoever is not there yet has no id',
  );
});

await onEachEngine(t, async (t, db) => {
  const cliHarness = await openCliHarness(db);
  await cliHarness.json('api sync f', { file: polls });
  await cliHarness.json('group create editors');
  let made = 0;
  const make = async () =>
    (await cliHarness.json(`user create person${++made}`)).user as { id: string; username: string };

  for (const [name, { words, stdin, shows }] of Object.entries(takers)) {
    const given = stdin === undefined ? {} : { stdin };
    /** The command about somebody, as `how` names them. */
    const about = (how: string, isId: boolean) =>
      words
        .replace('AS', `other${made}`)
        .replace('WHO', isId ? `--user-id ${how}` : how)
        .replace('USER', isId ? `--user-id ${how}` : `--user ${how}`);

    await t.test(`docs/commands.md: ${name} takes an id by --user-id alone, and never for a name`, async (t) => {
      const [victim, impostor] = [await make(), await make()];
      // As an earlier version let it be: a name that is the id of somebody else.
      const taken = { username: victim.id, usernameKey: victim.id };
      await db.fork().nativeUpdate(User, impostor.id, taken);
      const before = await cliHarness.counts();
      for (const id of [victim.id, victim.id.toUpperCase(), victim.id.replaceAll('-', '')])
        t.match(await cliHarness.run(about(id, false), given), { exit: 3, stdout: '', stderr: /is an id.*--user-id/ });
      t.match(await cliHarness.run(about('person1', true), given), { exit: 2, stderr: /--user-id takes the id/ });
      t.match(await cliHarness.run(about(randomUUID(), true), given), { exit: 3, stderr: /no user with the id/ });
      const both = name === 'group add' || name === 'group remove' ? 0 : 2;
      if (both)
        t.match(await cliHarness.run(`${about('person1', false)} --user-id ${victim.id}`, given), { exit: both });
      t.same(await cliHarness.counts(), before, 'and nothing was done');

      const spelled = victim.id.replaceAll('-', '').toUpperCase();
      const done = await cliHarness.run(`${about(spelled, true)} --json`, given);
      t.equal(done.exit, 0, done.stderr);
      const expected = shows.source.replace('ID', victim.id).replace('NAME', victim.username);
      t.match(done.stdout, new RegExp(expected));
      const left = await db.fork().findOneOrFail(User, impostor.id);
      t.match(left, { username: victim.id, isActive: true, firstName: '', deletedAt: null }, 'nor to the impostor');
    });
  }

  await t.test('docs/commands.md: group add takes names and ids together, each user once', async (t) => {
    const [one, two] = [await make(), await make()];
    const words = `group add editors ${one.username} --user-id ${two.id} --user-id ${one.id}`;
    t.same((await cliHarness.json(words)).added, [one.username, two.username]);
    t.match(
      await cliHarness.run(`group remove --user-id ${one.id}`),
      { exit: 2, stderr: /Usage/ },
      'the group is missing',
    );
    t.same((await cliHarness.json(`group remove editors --user-id ${two.id}`)).removed, [two.username]);
  });

  await t.test('docs/commands.md: user delete asks for the id once more where the user was named by it', async (t) => {
    const { id, username } = await make();
    const person = answeringTerminal(id);
    t.match(await cliHarness.run(`user delete --user-id ${id}`, { terminal: person }), {
      exit: 0,
      stdout: new RegExp(username),
    });
    t.match(person.prompts, [new RegExp(`Type ${id}`)]);
    t.match(await cliHarness.run(`user show --user-id ${id}`), { exit: 3 }, 'a deleted user is nobody');
  });
});
