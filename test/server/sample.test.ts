import { createContext } from '../../src/cli/context.ts';
import { PlatformState } from '../../src/platform/database/index.ts';
import { createSample, findSample } from '../../src/server/sample.ts';
import { isSetupOpen } from '../../src/signin/index.ts';
import { openCliHarness } from '../cli/harness.ts';
import { onEachEngine } from '../support/database.ts';
import { audit, masterKey } from '../support/server.ts';
import t from '../support/tap.ts';

await onEachEngine(t, async (t, db) => {
  const cliHarness = await openCliHarness(db);
  const passwords = await createContext(cliHarness.config, db, '0', () => {}).passwords();
  const make = () => createSample(db.fork(), audit(), passwords, masterKey);
  const rows = <Row>(sql: string) => db.fork().execute<Row[]>(sql);
  const versionOf = async (username: string) => {
    const of = `select p.perms_version::int as version from permissions_principal p join users_user u on u.id = p.id`;
    const [row] = await db.fork().execute<{ version: number }[]>(`${of} where u.username = ?`, [username]);
    return row?.version as number;
  };

  await t.test('sample --remove ends what it made as anybody would: rights, tokens, records', async (t) => {
    await make();
    await cliHarness.json('user create carol');
    await cliHarness.json("group add 'Poll editors' carol");
    for (const name of ['alice', 'carol']) await cliHarness.run(`token issue --user ${name} --api polls`);
    const before = await versionOf('carol');
    const places = await rows<{ state: number }>('select state::int as state from tokens_status');
    t.ok(places.length > 0 && places.every(({ state }) => state === 0), 'tokens were issued, and are good');

    const told = await cliHarness.run('sample --remove');
    t.match(told, { exit: 0, stdout: /^The sample is removed\.$/m });
    t.ok((await versionOf('carol')) > before, 'what is kept of the rights of a guest in its group is old');
    const after = await rows<{ state: number }>('select state::int as state from tokens_status');
    t.equal(after.length, places.length);
    t.ok(
      after.every(({ state }) => state === 1),
      'what was issued for the API is over',
    );
    const entries = await rows<{ kind: string }>(
      "select object_kind as kind from audit_entry where action = 'delete' order by 1",
    );
    t.same(
      entries.map((one) => one.kind),
      ['api', 'client', 'client', 'group', 'sample', 'user', 'user'],
    );
    t.equal(await findSample(db.fork()), null);
    t.match(await cliHarness.run('sample --remove'), { exit: 3 });
  });

  await t.test(
    'docs/commands.md: a service and a first-party web client, with secrets that the master key gives',
    async (t) => {
      await make();
      const { clients } = await cliHarness.json('sample');
      t.match(clients, [{ preset: 'service' }, { preset: 'web', client_id: /^c_/, client_secret: /^[\w-]{43}$/ }]);
      const web = await cliHarness.json('client show polls-web');
      t.match(web, {
        client_id: clients[1].client_id,
        is_first_party: true,
        consent: 'skip',
        requests: ['polls'],
        redirect_uris: ['http://127.0.0.1:4001/callback', 'http://localhost:4001/callback'],
      });
      await cliHarness.json('client rotate-secret polls-web --now');
      t.equal((await cliHarness.json('sample')).clients[1].client_secret, null, 'one that was changed is not shown');

      // As an earlier version left it.
      await cliHarness.json('client delete polls-web');
      const state = await db.fork().findOneOrFail(PlatformState, 'sample');
      const { 'polls-web': gone, ...clientsThen } = (state.value as { clients: Record<string, string> }).clients;
      t.ok(gone);
      await make();
      t.match(await cliHarness.run('client show polls-web'), { exit: 3 }, 'what was deleted stays away');
      const value = { ...(state.value as object), clients: clientsThen };
      await db.fork().nativeUpdate(PlatformState, { name: 'sample' }, { value });
      await make();
      t.match(await cliHarness.json('client show polls-web'), { is_first_party: true }, 'what came since is added');
      await cliHarness.json('sample --remove');
    },
  );

  await t.test(
    'docs/commands.md: sample shows the live setup link as it is; only setup-link makes a new one',
    async (t) => {
      await make();
      const { setup_url: first } = await cliHarness.json('sample');
      t.match(first, /\/setup\?token=[\w-]{43}$/);
      t.equal((await cliHarness.json('sample')).setup_url, first, 'the same link again');
      const token = new URL(first).searchParams.get('token') as string;
      t.ok(await isSetupOpen(db.fork(), token, new Date()), 'which is still good');

      await cliHarness.run('setup-link');
      t.notOk(await isSetupOpen(db.fork(), token, new Date()), 'setup-link ended it');
      const before = await rows<{ n: number }>(
        'select count(*)::int as n from signin_one_time_token where consumed_at is null',
      );
      const after = await cliHarness.json('sample');
      t.not(after.setup_url, first);
      t.same(await rows('select count(*)::int as n from signin_one_time_token where consumed_at is null'), before);
      await cliHarness.json('sample --remove');
    },
  );

  await t.test('what somebody deleted before is no hindrance, and the sample can be made anew', async (t) => {
    await make();
    t.ok(await findSample(db.fork()), 'its names are free');
    await cliHarness.json('user delete bob --yes');
    await cliHarness.json("group delete 'Poll editors'");
    await cliHarness.json('api delete polls --yes');
    t.match(await cliHarness.run('sample --remove'), { exit: 0 });
    t.equal(await findSample(db.fork()), null);
  });
});
