import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { smallProject, userRow } from '../imports/django/dumps.ts';
import { freshSettings, serving, signet } from '../support/process.ts';
import t from '../support/tap.ts';

// docs/guides/django-import.md: files are read and written at the caller's side, whoever holds the database.

t.test('docs/commands.md: the files of an import, with and without a server that holds the folder', async (t) => {
  const place = { ...(await freshSettings()), SIGNET_SAMPLE: 'false' };
  const folder = t.testdir();
  const at = (name: string) => join(folder, name);
  const rows = [...smallProject, userRow(1, 'Bob'), userRow(2, 'bob'), userRow(3, 'müller')];
  writeFileSync(at('dump.json'), JSON.stringify(rows));
  writeFileSync(at('windows.json'), Buffer.from(JSON.stringify(rows), 'latin1'));
  t.equal((await signet(['migrate'], place)).code, 0);
  const run = (file: string, ...words: string[]) =>
    signet(['import', 'django', file, '--api', 'polls-site', ...words], place);

  const check = async (renames: string, isFirst: boolean) => {
    const windows = await run(at('windows.json'));
    t.equal(windows.code, 2);
    t.match(windows.stderr, /is not UTF-8: byte \d+ \(line 1\) is 0xFC.*python -Xutf8/s);
    const refused = await run(at('dump.json'), '--renames', renames);
    t.equal(refused.code, isFirst ? 4 : 0, refused.stderr);
    if (!isFirst) return;
    t.match(refused.stderr, `1 row with a proposed name was written to ${renames}`);
    t.equal(readFileSync(renames, 'utf8'), 'record,name,new_name\r\nauth.user 2,bob,bob-2\r\n');
  };
  await check(at('alone.csv'), true);
  const server = await serving(['dev'], place, /Signet/);
  try {
    await check(at('served.csv'), true);
    const dry = await run(at('dump.json'), '--renames', at('dry.csv'), '--dry-run', '--json');
    t.equal(dry.code, 4);
    t.match(JSON.parse(dry.stdout), { renames: [{ record: 'auth.user 2', name: 'bob', new_name: 'bob-2' }] });
    t.equal(readFileSync(at('dry.csv'), 'utf8'), readFileSync(at('served.csv'), 'utf8'));
    const plain = await run(at('dump.json'), '--dry-run');
    t.equal(plain.code, 4);
    t.notOk(existsSync(at('renames.csv')), 'a file that was not named is not written');
    // An operator's own row stands; what is still missing comes to the end.
    const more = [...rows, userRow(4, 'MÜLLER')];
    writeFileSync(at('more.json'), JSON.stringify(more));
    writeFileSync(at('served.csv'), 'record;name;new_name\nauth.user 2;bob;robert');
    t.equal((await run(at('more.json'), '--renames', at('served.csv'))).code, 4);
    t.match(
      readFileSync(at('served.csv'), 'utf8'),
      /^record;name;new_name\nauth\.user 2;bob;robert\r\nauth\.user 4;MÜLLER;MÜLLER-2\r\n$/,
    );
    writeFileSync(at('served.csv'), Buffer.from('record,name,new_name\nauth.user 2,bob,m\u00fcller\n', 'latin1'));
    t.match(await run(at('dump.json'), '--renames', at('served.csv')), { code: 2, stderr: /served\.csv is not UTF-8/ });
    await check(at('alone.csv'), false);
    const users = JSON.parse((await signet(['user', 'list', '--json'], place)).stdout) as {
      users: { username: string }[];
    };
    t.same(
      users.users
        .map((one) => one.username)
        .filter((one) => /bob|m.ller/i.test(one))
        .sort(),
      ['Bob', 'bob-2', 'müller'],
    );
  } finally {
    await server.stop();
  }
});
