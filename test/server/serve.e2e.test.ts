import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createTestPostgresql, postgresqlUrl, root } from '../support/database.ts';
import { freePort, freshSettings, serving, signet } from '../support/process.ts';
import t from '../support/tap.ts';

const isReady = /Try it[^\n]*\n[^\n]*token inspect -\n/;
const line = (output: string, word: string) => output.split('\n').find((one) => one.trim().startsWith(word)) ?? '';

t.test('the first five minutes', async (t) => {
  const place = await freshSettings();
  const first = await serving(['dev'], place, isReady);
  const output = first.output();
  const issuer = `http://localhost:${place.SIGNET_PORT}`;

  t.match(output, /Signet \d+\.\d+\.\d+ · development mode · data \S+ \(embedded PostgreSQL\) · not for production/);
  t.match(
    line(output, 'ready'),
    /database \(\d+ migrations?\) · signing key RS256 kid=[\w-]{43} · sample API "polls": 2 models, 8 permissions, group "Poll editors"/,
  );
  t.match(line(output, 'Issuer'), issuer);
  t.match(line(output, 'Sample'), /alice \/ \S{16} \(group Poll editors\) {4}bob \/ \S{16} \(no permissions\)/);
  t.notMatch(output, /Warning|deprecat/i, 'nothing else is printed');

  await t.test('each printed URL answers', async (t) => {
    for (const url of output.match(/http:\/\/localhost:\d+(\/setup\?token=[\w-]+)?/g) ?? [])
      t.equal((await fetch(url)).status, 200, url);
  });

  await t.test('the printed commands work when copied', async (t) => {
    const command = `${line(output, 'Try it').replace(/^ *Try it +/, '')}\necho $TOKEN | node bin/signet.mjs token inspect - --json`;
    const { stdout } = await promisify(execFile)('bash', ['-c', command], {
      cwd: root,
      env: { ...process.env, ...place },
    });
    t.match(JSON.parse(stdout), {
      claims: {
        iss: issuer,
        aud: 'polls',
        username: 'alice',
        permissions: ['polls.add_choice', 'polls.add_question', 'polls.change_choice'],
      },
    });
  });

  await t.test(
    'a busy port, the same folder, a folder that cannot be written: one clear line each that names the remedy',
    async (t) => {
      const other = await freshSettings();
      const clear = (ended: { code: number; stderr: string }, code: number, text: RegExp) => {
        t.equal(ended.code, code);
        t.match(ended.stderr, text);
        t.equal(ended.stderr.trim().split('\n').length, 1, ended.stderr);
      };
      clear(
        await signet(['dev'], { ...other, SIGNET_PORT: place.SIGNET_PORT }),
        4,
        /Port \d+ is in use\..*SIGNET_PORT=\d+ \(or: npm start -- --port \d+\)/,
      );
      clear(
        await signet(['dev'], { ...place, SIGNET_PORT: other.SIGNET_PORT }),
        4,
        /Another Signet \(process \d+\) uses the data folder .*SIGNET_DATA_DIR/,
      );
      writeFileSync(join(root, '.cache', 'a-file'), '');
      clear(
        await signet(['dev'], { ...other, SIGNET_DATA_DIR: join(root, '.cache', 'a-file', 'data') }),
        1,
        /cannot be written.*SIGNET_DATA_DIR/,
      );
      clear(await signet(['dev'], { ...other, SIGNET_HOST: '0.0.0.0' }), 2, /this machine only/);
      clear(await signet(['dev'], { ...other, NODE_ENV: 'production' }), 2, /npx signet start/);
      clear(await signet(['dev'], { ...other, SIGNET_PRT: '1' }), 2, /Did you mean SIGNET_PORT\?/);
      clear(await signet(['dev'], { ...other, SIGNET_PORT: 'many' }), 2, /SIGNET_PORT must be a whole number/);
    },
  );

  await t.test('the master key is readable by its owner alone', async (t) => {
    t.equal(statSync(join(place['SIGNET_KEYS_DIR'] as string, 'master.key')).mode & 0o777, 0o600);
  });

  await t.test('Ctrl-C is clean, and a second start keeps the data and prints the same sample users', async (t) => {
    t.same(await first.stop('SIGINT'), { code: 0, signal: null });
    t.notOk(
      readdirSync(place.SIGNET_DATA_DIR).some((name) => /lock|sock/.test(name)),
      'neither lock nor socket is left',
    );
    const second = await serving(['dev'], place, isReady);
    t.equal(line(second.output(), 'Sample'), line(output, 'Sample'));
    t.equal(line(second.output(), 'ready'), line(output, 'ready'), 'the same key, the same catalogue');
    t.equal(line(second.output(), 'Setup'), line(output, 'Setup'), 'the live setup link is shown again');
    t.equal((await fetch((output.match(/http\S+setup\S+/) ?? [''])[0])).status, 200, 'and is still good');
    t.match(await signet(['group', 'add', 'Poll editors', 'bob'], place), { code: 0 });
    t.match(await signet(['sample'], place), { stdout: line(output, 'Setup').match(/http\S+/)?.[0] ?? '?' });
    t.same(await second.stop('SIGTERM'), { code: 0, signal: null });
    const again = await serving(['dev'], place, isReady);
    t.match(
      line(again.output(), 'Sample'),
      /bob \/ \S{16} \(group Poll editors\)/,
      'the banner says what bob may do now',
    );
    await again.stop('SIGTERM');
  });

  await t.test('kill -9 of the server: the folder opens again and what was acknowledged is there', async (t) => {
    const third = await serving(['dev'], place, isReady);
    const signup = await fetch(`${issuer}/api/v1/signup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'survivor', password: 'quite a long phrase' }),
    });
    t.equal(signup.status, 201);
    const { pid } = JSON.parse(
      execFileSync('cat', [join(place.SIGNET_DATA_DIR, 'signet.lock')], { encoding: 'utf8' }),
    ) as { pid: number };
    t.not(pid, third.child.pid, 'the server is the child of its launcher');
    process.kill(pid, 'SIGKILL');
    await third.stop();
    const fourth = await serving(['dev'], place, isReady);
    const login = await fetch(`${issuer}/api/v1/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'survivor', password: 'quite a long phrase' }),
    });
    t.equal(login.status, 200);
    await fourth.stop();
  });

  await t.test('the launcher killed by SIGTERM takes the server with it: nothing holds the folder', async (t) => {
    const last = await serving(['dev'], place, isReady);
    await last.stop('SIGTERM');
    t.notOk(readdirSync(place.SIGNET_DATA_DIR).some((name) => name.startsWith('signet.lock')));
  });
});

t.test('production mode makes nothing up: what is missing is named', async (t) => {
  const place = await freshSettings();
  const says = async (environment: Record<string, string>, words: string[] = ['start']) => {
    const ended = await signet(words, { ...place, ...environment });
    t.not(ended.code, 0);
    return ended.stderr;
  };
  const issuer = { SIGNET_ISSUER: 'https://id.example.test' };
  t.match(await says({}), /SIGNET_ISSUER is not set/);
  t.match(await says({ SIGNET_ISSUER: 'http://id.example.test' }), /must be an https URL/);
  t.match(await says(issuer), /DATABASE_URL is not set.*--embedded/);
  t.match(
    await says({ ...issuer, DATABASE_URL: 'postgres://127.0.0.1:1/x' }),
    /no master key.*SIGNET_MASTER_KEY_FILE/i,
  );
  mkdirSync(place['SIGNET_KEYS_DIR'] as string, { recursive: true });
  writeFileSync(join(place['SIGNET_KEYS_DIR'] as string, 'master.key'), 'short');
  t.match(await says({ ...issuer, DATABASE_URL: 'postgres://127.0.0.1:1/x' }), /must have 32 bytes/);
  writeFileSync(join(place['SIGNET_KEYS_DIR'] as string, 'master.key'), 'a'.repeat(64));
  t.match(await says({ ...issuer, DATABASE_URL: 'postgres://127.0.0.1:1/x' }), /PostgreSQL does not answer/);
  t.equal(
    (await signet(['start'], { ...place, ...issuer, DATABASE_URL: 'postgres://user:hunter2@127.0.0.1:1/x' })).code,
    5,
    'exit 5: cannot connect',
  );
  t.notMatch(
    await says({ ...issuer, DATABASE_URL: 'postgres://user:hunter2@127.0.0.1:1/x' }),
    /hunter2/,
    'without the password of the URL',
  );
  t.match(await says(issuer, ['start', '--embedded']), /lacks \d+ migration.*npx signet migrate/);
});

t.test(
  'production mode on PostgreSQL, two processes side by side',
  { skip: postgresqlUrl === undefined && 'DATABASE_URL is not set' },
  async (t) => {
    const { url, drop } = await createTestPostgresql({ empty: true });
    t.teardown(drop);
    const place = await freshSettings();
    const environment = {
      ...place,
      DATABASE_URL: url,
      SIGNET_ISSUER: 'https://id.example.test',
      SIGNET_LOG_LEVEL: 'info',
    };
    t.match(await signet(['start'], environment), { code: 2, stderr: /no master key/ });

    const migrated = await Promise.all([signet(['migrate'], environment), signet(['migrate'], environment)]);
    t.same(
      migrated.map((one) => one.code),
      [0, 0],
      `two migrations at once do not break each other: ${migrated.map((one) => one.stderr)}`,
    );
    t.equal((await signet(['migrate', '--check'], environment)).code, 0);
    t.equal(
      (await signet(['user', 'create', 'alice', '--password-stdin'], environment, 'a long enough phrase\n')).code,
      0,
    );

    const ports = [place.SIGNET_PORT, String(await freePort())];
    const nodes = await Promise.all(
      ports.map((port) =>
        serving(['start'], { ...environment, SIGNET_PORT: port }, /production · https:\/\/id\.example\.test/),
      ),
    );
    const at = (node: number, path: string, init: RequestInit = {}) =>
      fetch(`http://127.0.0.1:${ports[node]}${path}`, init);
    const json = { 'content-type': 'application/json' };

    t.equal(
      await (await at(0, '/.well-known/jwks.json')).text(),
      await (await at(1, '/.well-known/jwks.json')).text(),
      'one key set: the first start made it once',
    );
    const login = await at(0, '/api/v1/login', {
      method: 'POST',
      headers: json,
      body: JSON.stringify({
        username: 'alice',
        password: 'a long enough phrase',
        audience: 'https://id.example.test',
      }),
    });
    t.equal(login.status, 200);
    const cookie = String(login.headers.get('set-cookie')).split(';')[0] as string;
    t.match(cookie, /^__Host-signet_session=/);
    const { access_token } = (await login.json()) as { access_token: string };
    const session = async (node: number) =>
      ((await (await at(node, '/api/v1/session', { headers: { cookie } })).json()) as { is_authenticated: boolean })
        .is_authenticated;
    const perm = async (node: number) =>
      (
        await at(node, '/api/v1/has_perm', {
          method: 'POST',
          headers: { ...json, authorization: `Bearer ${access_token}` },
          body: JSON.stringify({ perms: ['auth.add_user'] }),
        })
      ).status;
    t.same([await session(0), await session(1), await perm(0), await perm(1)], [true, true, 200, 200]);
    t.equal((await at(1, '/api/v1/logout', { method: 'POST', headers: { cookie } })).status, 204);
    t.same(
      [await session(0), await session(1), await perm(0), await perm(1)],
      [false, false, 401, 401],
      'ended at every node',
    );
    t.same(await Promise.all(nodes.map((node) => node.stop())), Array(2).fill({ code: 0, signal: null }));
  },
);

t.test('a port that something else holds is named before the database is opened', async (t) => {
  const place = await freshSettings();
  const squatter = createServer().listen(Number(place.SIGNET_PORT), 'localhost');
  await new Promise((resolve) => squatter.once('listening', resolve));
  const ended = await signet(['dev'], place);
  squatter.close();
  t.match(ended, { code: 4, stderr: /Port \d+ is in use/ });
  t.throws(() => statSync(place.SIGNET_DATA_DIR), 'and nothing was made');
});
