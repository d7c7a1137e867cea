import { createContext } from '../../src/cli/context.ts';
import { makeUnusable } from '../../src/passwords/index.ts';
import { PlatformState } from '../../src/platform/database/index.ts';
import { createSample } from '../../src/server/sample.ts';
import { createUser, findUser, User } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import { audit, masterKey } from '../support/server.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';
import { GOOD_PASSWORD, lastEntry, openCliHarness } from './harness.ts';

await onEachEngine(t, async (t, db) => {
  const cliHarness = await openCliHarness(db);
  const { app, http } = await openWorld(db);
  t.teardown(() => app.close());
  const logIn = async (username: string) =>
    (await http.json('/api/v1/login', { username, password: GOOD_PASSWORD })).statusCode;

  await t.test('Django create_superuser: user create --superuser makes a user of the staff too', async (t) => {
    t.match((await cliHarness.json('user create root --superuser')).user, { is_superuser: true, is_staff: true });
    t.match((await cliHarness.json('user create clerk --staff')).user, { is_superuser: false, is_staff: true });
    t.match((await cliHarness.json('user create plain')).user, { is_superuser: false, is_staff: false });
  });

  await t.test('docs/commands.md: --email-verified on: the address is proved by the word of an operator', async (t) => {
    const words = 'user create ann --email Ann@example.test --email-verified on --password-stdin';
    t.match((await cliHarness.json(words, { stdin: GOOD_PASSWORD })).user, { email_verified: true });
    t.match((await lastEntry(db)).after, { email: 'Ann@example.test', emailVerified: true });
    t.equal(await logIn('ann@EXAMPLE.test'), 200, 'docs/login-api.md: a verified address logs in');
    t.match((await cliHarness.json('user update ann --email-verified off')).user, { email_verified: false });
    t.match(await lastEntry(db), { before: { emailVerified: true }, after: { emailVerified: false } });
    t.equal(await logIn('ann@example.test'), 401, 'and one that is not verified does not');
    t.match((await cliHarness.json('user update ann --email-verified on')).user, { email_verified: true });
    const { emailVerifiedAt } = (await findUser(db.fork(), 'ann')) as User;
    const before = await cliHarness.counts();
    await cliHarness.json('user update ann --email-verified on');
    t.same((await findUser(db.fork(), 'ann'))?.emailVerifiedAt, emailVerifiedAt, 'it stays as old as it is');
    t.same(await cliHarness.counts(), before, 'and nothing is written down');
    t.match((await cliHarness.json('user update ann --email other@example.test')).user, { email_verified: false });
    t.match((await cliHarness.json('user update ann --email third@example.test --email-verified on')).user, {
      email: 'third@example.test',
      email_verified: true,
    });
  });

  await t.test('docs/commands.md: --email-verified: what cannot be is refused, and changes nothing', async (t) => {
    await cliHarness.json('user create ben --email third@example.test');
    await cliHarness.json('user create cat');
    const before = await cliHarness.counts();
    for (const [words, exit, text] of [
      ['user update ben --email-verified on', 4, /verified for another user/],
      ['user create dan --email THIRD@example.test --email-verified on', 4, /verified for another user/],
      ['user update cat --email-verified on', 2, /no e-mail address/],
      ["user update ann --email '' --email-verified on", 2, /no e-mail address/],
      ['user create dan --email-verified on', 2, /no e-mail address/],
      ['user update cat --email-verified yes', 2, /on or off/],
    ] as const)
      t.match(await cliHarness.run(words), { exit, stdout: '', stderr: text }, words);
    t.same(await cliHarness.counts(), before);
    await cliHarness.json('user update ann --email-verified off');
    t.match(
      (await cliHarness.json('user update ben --email-verified on')).user,
      { email_verified: true },
      'one at a time',
    );
  });

  await t.test('an address is verified for one user at a time, however many come at once', async (t) => {
    const made = await Promise.all(
      ['m1', 'm2', 'm3'].map((username) => {
        const email = 'many@example.test';
        return createUser(db.fork(), audit(), { username, email, password: makeUnusable(), isEmailVerified: true });
      }),
    );
    t.equal(made.filter((one) => one instanceof User).length, 1);
    for (const one of made) if (!(one instanceof User)) t.match(one, [{ pointer: '/email', code: 'unique' }]);
  });

  await t.test(
    'docs/commands.md: users of the sample have verified addresses, those of an earlier sample too',
    async (t) => {
      const passwords = await createContext(cliHarness.config, db, '0', () => {}).passwords();
      const make = () => createSample(db.fork(), audit(), passwords, masterKey);
      const shown = async (name: string) => (await cliHarness.json(`user show ${name}`)).user;
      await make();
      for (const name of ['alice', 'bob'])
        t.match(await shown(name), { email: `${name}@example.com`, email_verified: true }, name);

      // As an earlier version left it; bob has found an address since.
      const row = await db.fork().findOneOrFail(PlatformState, 'sample');
      const { hasAddresses, ...earlier } = row.value as { hasAddresses?: boolean };
      t.equal(hasAddresses, true);
      await db.fork().nativeUpdate(PlatformState, { name: 'sample' }, { value: earlier });
      await cliHarness.json("user update alice --email ''");
      await cliHarness.json('user update bob --email bob@home.test');
      await make();
      t.match(await shown('alice'), { email: 'alice@example.com', email_verified: true });
      t.match(await shown('bob'), { email: 'bob@home.test', email_verified: false });
      await cliHarness.json("user update alice --email ''");
      await make();
      t.match(await shown('alice'), { email: '' }, 'once only');
      await cliHarness.json('sample --remove');
      await cliHarness.json('user create holder --email alice@example.com --email-verified on');
      await make();
      t.match(await cliHarness.run('sample'), { exit: 3 }, 'whoever has such an address keeps it');
    },
  );
});
