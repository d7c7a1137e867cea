import fc from 'fast-check';
import { createClient } from '../../src/oauth/index.ts';
import { casefoldName } from '../../src/platform/casefold.ts';
import { parseUuid } from '../../src/platform/text.ts';
import { createSetupSecret } from '../../src/signin/index.ts';
import { reservedName, User } from '../../src/users/index.ts';
import { GOOD_PASSWORD, openCliHarness } from '../cli/harness.ts';
import { project, runImport, userRow } from '../imports/django/dumps.ts';
import { onEachEngine } from '../support/database.ts';
import { audit, makeUser } from '../support/server.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';

const fullwidth = (text: string) => text.replace(/[0-9a-z]/g, (one) => String.fromCharCode(one.charCodeAt(0) + 0xfee0));

/** Reserved names for a user with this id: each could be read as the id, as a client id or as Signet's own name. */
const misleading = (id: string) => {
  const hex = id.replaceAll('-', '');
  return [
    ...[id, id.toUpperCase(), hex, hex.toUpperCase(), fullwidth(id), fullwidth(hex)],
    hex.replace(/.{4}(?=.)/g, '$&-'),
    `${hex.slice(0, 16)}-${hex.slice(16)}`,
    ...['c_', 'c_smith', 'C_SMITH', 'ｃ_smith', 'c_AAAAAAAAAAAAAAAAAAAAAA'],
    ...['signet', 'Signet', 'SIGNET', fullwidth('signet')],
  ];
};

const harmless = [
  'c-smith',
  'cc_smith',
  'c',
  'signet1',
  'assignet',
  'deadbeef',
  '12345678',
  '0'.repeat(31),
  'g'.repeat(32),
];

await onEachEngine(t, async (t, db) => {
  const cliHarness = await openCliHarness(db);
  const { app, clock, http, passwords } = await openWorld(db, { environment: { SIGNET_TRUST_PROXY: '127.0.0.1' } });
  t.teardown(() => app.close());
  const setup = (await createSetupSecret(db.fork(), clock.now())) as string;
  const victim = await makeUser(db, passwords, 'victim', GOOD_PASSWORD);
  const users = () => db.fork().count(User, {});
  let network = 0;
  const signUp = (username: string) => {
    const headers = { 'x-forwarded-for': `2001:db8:${(++network).toString(16)}::1` };
    return http.json('/api/v1/signup', { username, password: GOOD_PASSWORD }, headers);
  };

  await t.test('an id is what PostgreSQL reads as one, in every spelling, and nothing else', async (t) => {
    const read = async (text: string) => {
      try {
        const [row] = await db.fork().execute<{ id: string }[]>('select (?::text)::uuid::text as id', [text]);
        return row?.id ?? null;
      } catch {
        return null;
      }
    };
    const { id } = victim;
    const hex = id.replaceAll('-', '');
    for (const text of [
      ...misleading(id),
      `{${id}}`,
      `{${hex}}`,
      `{${id}`,
      `${id}}`,
      ` ${id}`,
      `${id} `,
      `${id}-`,
      '',
      hex.slice(1),
    ])
      t.equal(parseUuid(text), await read(text), JSON.stringify(text));
    const hyphenated = fc
      .tuple(fc.uuid(), fc.array(fc.boolean(), { minLength: 31, maxLength: 31 }))
      .map(([uuid, hyphens]) =>
        [...uuid.replaceAll('-', '')].map((one, at) => one + (hyphens[at] && at < 31 && at % 2 ? '-' : '')).join(''),
      );
    await fc.assert(
      fc.asyncProperty(hyphenated, async (text) => parseUuid(text) === (await read(text))),
      { numRuns: 50, seed: 11 },
    );
  });

  await t.test('docs/login-api.md: nobody signs up by a name that means something else', async (t) => {
    const before = await users();
    for (const name of misleading(victim.id)) {
      const answer = await signUp(name);
      t.equal(answer.statusCode, 422, name);
      t.match(answer.json().errors, [{ pointer: '/username', code: 'reserved', detail: /id.*c_.*signet/ }], name);
    }
    t.equal(await users(), before);
    for (const name of harmless) t.equal((await signUp(name)).statusCode, 201, name);
  });

  await t.test('docs/commands.md: nor does an operator make such a user, nor a setup link', async (t) => {
    const before = await users();
    for (const name of misleading(victim.id)) {
      const { error } = await cliHarness.json(`user create ${name}`, undefined, 2);
      t.match(error.errors, [{ field: 'username', code: 'reserved' }], name);
    }
    for (const name of [victim.id, victim.id.replaceAll('-', '').toUpperCase(), 'C_SMITH', 'ＳＩＧＮＥＴ']) {
      const words = `createsuperuser --username ${name} --email '' --password-stdin`;
      t.match(await cliHarness.run(words, { stdin: GOOD_PASSWORD }), { exit: 2, stderr: /look like an id/ }, name);
      const page = await app.inject({
        method: 'POST',
        url: '/setup',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        payload: new URLSearchParams({ token: setup, username: name, email: '', password: GOOD_PASSWORD }).toString(),
      });
      t.equal(page.statusCode, 422, name);
      t.match(page.body, /look like an id/, name);
    }
    t.equal(await users(), before);
  });

  await t.test('an import takes no such name, reports it, and proposes another', async (t) => {
    const names = [...misleading(victim.id), `{${victim.id}}`, 'https://app.example/client.json'];
    for (const name of names) {
      const { rows, audience } = project([]);
      const row = userRow(1, 'x');
      row.fields['username'] = name;
      const report = await runImport(db, [...rows, row], { audience, dryRun: true });
      t.match(report.unmapped, [{ record: /auth.user/, name, code: /^username_(like|built_in)/ }], name);
      t.match(report.renames, [{ name }], name);
      t.equal(reservedName(report.renames[0]?.newName as string), null, name);
      t.equal(report.users.created, 0, name);
    }
  });

  await t.test('a client has no such name either: names and ids are taken at one place', async (t) => {
    const make = (name: string) => createClient(db.fork(), audit(), { name, preset: 'service' });
    for (const name of [...misleading(victim.id), `{${victim.id}}`, 'https://app.example/client.json', 'HTTPS://x'])
      await t.rejects(make(name), { code: 'client_name_reserved' }, name);
    const { client } = await make('Reports');
    const second = (await make('Second')).client;
    t.equal((await cliHarness.json('client show Reports')).client_id, client.clientId);
    t.equal((await cliHarness.json(`client show ${client.clientId}`)).name, 'Reports');
    // A name that an earlier version accepted.
    await db
      .fork()
      .execute('update oauth_client set name = ?, name_key = ? where id = ?', [
        client.clientId,
        casefoldName(client.clientId),
        second.id,
      ]);
    t.equal((await cliHarness.json(`client show ${client.clientId}`)).name, 'Reports', 'the id alone counts');
    t.match(await cliHarness.run(`client show ${client.clientId.toLowerCase()}`), { exit: 3 }, 'and exactly');
  });

  await t.test('docs/commands.md: doctor names the users that an earlier version let have such a name', async (t) => {
    const names = async () => {
      const { checks } = JSON.parse((await cliHarness.run('doctor --json')).stdout) as { checks: { name: string }[] };
      return checks.find((one) => one.name === 'names');
    };
    t.match(await names(), { status: 'ok' });
    for (const [at, name] of [...misleading(victim.id), `{${victim.id}}`, 'https://x'].entries()) {
      const user = await makeUser(db, passwords, `late${at}`, GOOD_PASSWORD);
      await db.fork().nativeUpdate(User, user.id, { username: name, usernameKey: `${casefoldName(name)}` });
      t.match(
        await names(),
        { status: 'warn', message: new RegExp(`${user.id}`), remedy: /user rename --user-id/ },
        name,
      );
      await cliHarness.json(`user rename --user-id ${user.id} late${at}`);
    }
    t.match(await names(), { status: 'ok' });
  });

  await t.test('every spelling of a reserved name is one, by the form in which names are compared', async (t) => {
    for (const name of misleading(victim.id)) t.equal(reservedName(name), reservedName(casefoldName(name)), name);
    for (const name of [...harmless, 'Poll editors', 'ada@example.test', '']) t.equal(reservedName(name), null, name);
  });
});
