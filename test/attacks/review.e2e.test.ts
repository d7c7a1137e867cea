import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import type { Passwords } from '../../src/passwords/index.ts';
import { lockFolder } from '../../src/platform/folder-lock.ts';
import { endSessions } from '../../src/sessions/index.ts';
import { createSetupSecret, OneTimeToken, Throttle } from '../../src/signin/index.ts';
import { User } from '../../src/users/index.ts';
import { createTestPostgresql, onEachEngine, postgresqlUrl } from '../support/database.ts';
import { openHttp, PASSWORD, sessionCookie } from '../support/http.ts';
import { freshSettings, serving, signet } from '../support/process.ts';
import { testClock } from '../support/server.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';

// What a review of the first release found by attacking it; each stays found.

const skip = postgresqlUrl === undefined && 'DATABASE_URL is not set';

await onEachEngine(t, async (t, db) => {
  const { app, clock, http, passwords, user } = await openWorld(db, { environment: { SIGNET_HASH_QUEUE: '200' } });
  const login = (username: string, password: string, to = app) =>
    openHttp(to).json('/api/v1/login', { username, password });
  const counters = () => db.fork().findAll(Throttle);

  await t.test('right passwords at once never deadlock the throttle, and every reservation comes back', async (t) => {
    for (let round = 0; round < 4; round++) {
      await user(`busy${round}`);
      const statuses = (await Promise.all(Array.from({ length: 40 }, () => login(`busy${round}`, PASSWORD)))).map(
        (one) => one.statusCode,
      );
      t.ok(
        statuses.every((one) => [200, 429, 503].includes(one)),
        statuses.join(' '),
      );
      t.ok(statuses.includes(200));
    }
    t.same(await counters(), [], 'a counter that falls to nothing leaves no row');
  });

  await t.test('a network that is full leaves no rows for the names that it tries', async (t) => {
    const strict = await openWorld(db, { clock, environment: { SIGNET_THROTTLE_NETWORK: '10' } });
    for (let i = 0; i < 40; i++) await login(`stranger${i}`, 'wrong', strict.app);
    t.equal((await counters()).length, 21, 'ten names by two keys, and the network');
    await strict.app.close();
    await db.fork().nativeDelete(Throttle, {});
  });

  await t.test(
    'the wait for a place in the hash pool is not in the deadline, so that it cannot be steered to a step',
    async (t) => {
      const own = testClock();
      const slow: Passwords = {
        ...passwords,
        verify: async (password, encoded, started) => {
          own.pass(0.59);
          const answer = await passwords.verify(password, encoded, started);
          own.pass(encoded === null ? 0.005 : 0.3);
          return answer;
        },
      };
      const { app: queued } = await openWorld(db, { clock: own, passwords: slow });
      await user('imported');
      const waits: number[] = [];
      for (const name of ['imported', 'nobody-at-all']) {
        own.sleeps.length = 0;
        const came = own.now().getTime();
        await login(name, 'wrong', queued);
        waits.push((own.sleeps[0] as Date).getTime() - came);
      }
      t.same(waits, [1190, 1190], 'a slow hash and the decoy are released alike');
      await queued.close();
      await db.fork().nativeDelete(Throttle, {});
    },
  );

  await t.test(
    'a session that ended while the new hash was made changes nothing, and does not come back',
    async (t) => {
      const thief = await user('thief');
      const meddling: Passwords = {
        ...passwords,
        hash: async (password) => {
          await db.fork().transactional((tx) => endSessions(tx, clock.now(), { user: thief.id }, 'ended_by_user'));
          return passwords.hash(password);
        },
      };
      const { app: other, http: there } = await openWorld(db, { clock, passwords: meddling });
      const new_password = 'another long enough phrase';
      const signedIn = { cookie: sessionCookie(await login('thief', PASSWORD)) };
      const change = await there
        .as(signedIn)
        .json('/api/v1/account/password', { current_password: PASSWORD, new_password });
      t.same(
        [change.statusCode, change.json().code, change.headers['set-cookie']],
        [401, 'unauthenticated', undefined],
      );
      t.equal((await login('thief', PASSWORD)).statusCode, 200, 'the password is the old one');
      const again = { cookie: sessionCookie(await login('thief', PASSWORD)) };
      const long = await http
        .as(again)
        .json('/api/v1/account/password', { current_password: 'x'.repeat(2000), new_password });
      t.same(
        [long.statusCode, long.json().errors[0].code],
        [422, 'password_incorrect'],
        "and one that is too long can be nobody's: refused without any hashing (test/attacks/limits.test.ts)",
      );
      await other.close();
    },
  );

  await t.test('of many setup links made at once one is live', async (t) => {
    await Promise.all(Array.from({ length: 6 }, () => createSetupSecret(db.fork(), clock.now())));
    t.equal(await db.fork().count(OneTimeToken, { purpose: 'setup', consumedAt: null }), 1);
  });

  await t.test('a name that looks like an option is no username', async (t) => {
    const response = await http.json('/api/v1/signup', { username: '--help', password: PASSWORD });
    t.equal(response.json().errors[0].code, 'invalid');
    t.equal(await db.fork().count(User, { username: '--help' }), 0);
  });
});

t.test(
  'sslmode in DATABASE_URL is honoured: a server without TLS is refused, not spoken to in the clear',
  { skip },
  async (t) => {
    const { url, drop } = await createTestPostgresql();
    t.teardown(drop);
    const place = await freshSettings();
    const ended = await signet(['group', 'list'], { ...place, DATABASE_URL: `${url}?sslmode=require` });
    t.match(ended, { code: 5, stderr: /does not support SSL/ });
  },
);

t.test('a command that only reads makes no database and no table', { skip }, async (t) => {
  const place = await freshSettings();
  const url = new URL(postgresqlUrl as string);
  url.pathname = '/signet_nonexistent';
  t.match(await signet(['user', 'list'], { ...place, DATABASE_URL: url.href }), { code: 5 });
  const { url: empty, drop } = await createTestPostgresql({ empty: true });
  t.teardown(drop);
  t.match(await signet(['migrate', '--check'], { ...place, DATABASE_URL: empty }), {
    code: 1,
    stderr: /lacks \d+ migration/,
  });
  const client = new pg.Client({ connectionString: empty });
  await client.connect();
  const { rows } = await client.query("select count(*)::int as tables from pg_tables where schemaname = 'public'");
  await client.end();
  t.same(rows, [{ tables: 0 }]);
});

t.test('the control socket takes nonsense without harm, and what names hold never moves the cursor', async (t) => {
  const place = await freshSettings();
  const server = await serving(['dev'], place, /token inspect -\n/);
  const socket = readdirSync(place.SIGNET_DATA_DIR).find((name) => name.startsWith('control-')) as string;
  for (const line of [
    'not json\n',
    '\n',
    'null\n',
    '[]\n',
    '{"name":"user list"}\n',
    '{"name":"user list","actor":"0","input":{"positionals":[]}}\n',
    '\u0000\n',
  ])
    await new Promise<void>((resolve) => {
      const connection = connect(join(place.SIGNET_DATA_DIR, socket), () => connection.write(line));
      connection.on('error', () => {}).on('close', () => resolve());
      connection.resume();
    });
  t.equal((await signet(['user', 'list'], place)).code, 0, 'the server lives');

  const dump = join(mkdtempSync(join(tmpdir(), 'hostile-')), 'dump.json');
  const hostile = { model: 'x\u001b[31m.\u009by', pk: 1, fields: { username: 'a', password: 'b' } };
  writeFileSync(
    dump,
    JSON.stringify([hostile, { model: 'auth.user', pk: 1, fields: { username: '\u001b[2J', password: '\u202e' } }]),
  );
  const ended = await signet(['import', 'django', dump, '--api', 'x'], place);
  t.notMatch(ended.stdout + ended.stderr, /[\u001b\u009b\u202e]/);
  await server.stop();
});

t.test('a holder whose socket was swept away listens anew, so that nobody takes the folder beside it', async (t) => {
  const place = mkdtempSync(join(tmpdir(), 'swept-'));
  const lock = await lockFolder(place);
  rmSync(lock.owner.socket);
  for (let tries = 0; tries < 50 && !existsSync(lock.owner.socket); tries++) await wait(100);
  await t.rejects(lockFolder(place), { code: 'folder_locked' });
  await lock.release();
  t.same(readdirSync(place), []);
});

t.test('a holder whose lock was taken over gives up; a lock file that names nobody is said so', async (t) => {
  const place = mkdtempSync(join(tmpdir(), 'taken-'));
  const lost = Promise.withResolvers<void>();
  const lock = await lockFolder(place, lost.resolve);
  const file = join(place, 'signet.lock');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), instance: 'another' }));
  await lost.promise;
  await lock.release();
  for (const text of ['null', '{}', '[]', '7', 'x']) {
    writeFileSync(file, text);
    await t.rejects(lockFolder(place), { code: 'lock_file_unreadable' }, text);
  }
});
