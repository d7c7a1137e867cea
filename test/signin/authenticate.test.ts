import { AuditEvent } from '../../src/audit/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { Session } from '../../src/sessions/index.ts';
import { refusalDeadline, Throttle } from '../../src/signin/index.ts';
import { User } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import { countHashing } from '../support/hashing.ts';
import { type Headers, PASSWORD } from '../support/http.ts';
import t from '../support/tap.ts';
import { openWorld, type WorldOptions } from '../support/world.ts';

const MD5_OF_PASSWORD = 'md5$salt$a8f1ac7dbb30ebef6c9f8ea9d4f9a5a2';

/** Starts a server with users of every kind that a refusal must not distinguish. */
async function service(db: Database, options: WorldOptions = {}) {
  const hashing = countHashing();
  const world = await openWorld(db, { ...options, passwords: hashing.wrap });
  const { app, clock, http } = world;
  await db.fork().nativeDelete(Throttle, {});
  for (const name of ['known', 'inactive', 'unusable', 'old']) {
    if (await db.fork().findOne(User, { username: name })) continue;
    await world.user(name);
  }
  const em = db.fork();
  await em.nativeUpdate(User, { username: 'inactive' }, { isActive: false });
  await em.nativeUpdate(User, { username: 'unusable' }, { password: '!nobody' });
  await em.nativeUpdate(User, { username: 'old' }, { password: MD5_OF_PASSWORD });
  hashing.reset();
  const login = (username: string, password: string, headers: Headers = {}) =>
    http.json('/api/v1/login', { username, password }, headers);
  return { app, clock, passwords: hashing.counts, login };
}

await onEachEngine(t, async (t, db) => {
  await t.test(
    'docs/login-api.md: one refusal for unknown, wrong, inactive, unusable and old-hash users: same answer, one verification, same deadline',
    async (t) => {
      const { login, clock, passwords } = await service(db);
      const answers = new Set<string>();
      for (const [name, password] of [
        ['known', 'wrong'],
        ['unknown', PASSWORD],
        ['inactive', PASSWORD],
        ['unusable', PASSWORD],
        ['old', 'wrong'],
      ] as const) {
        passwords.verifications = [];
        clock.sleeps.length = 0;
        const cameAt = clock.now();
        const response = await login(name, password);
        const { 'x-request-id': _id, date: _date, ...headers } = response.headers;
        answers.add(JSON.stringify([response.statusCode, response.json(), headers]));
        t.equal(passwords.verifications.length, 1, `${name}: exactly one verification`);
        t.same(
          clock.sleeps,
          [new Date(cameAt.getTime() + 600)],
          `${name}: released at the deadline fixed before the look-up`,
        );
        clock.pass(1);
      }
      t.equal(answers.size, 1, 'all answers are one');
      t.match([...answers][0], /invalid_credentials/);
    },
  );

  await t.test(
    'NIST 800-63B-4: a password over 1,024 code points is the same refusal, before any hashing',
    async (t) => {
      const { login, clock, passwords } = await service(db);
      const response = await login('known', 'x'.repeat(1025));
      t.equal(response.json().code, 'invalid_credentials');
      t.equal(passwords.verifications.length, 0);
      t.equal(clock.sleeps.length, 1, 'and waits for the same deadline');
    },
  );

  await t.test(
    'docs/login-api.md: every spelling of a name is one counter, and the tenth failure is the last evaluated',
    async (t) => {
      const { login, passwords, clock } = await service(db);
      const spellings = ['known', 'KNOWN', 'Known', 'ｋnown', 'kNOWN'];
      const statuses: number[] = [];
      for (let i = 0; i < 14; i++) statuses.push((await login(spellings[i % 5] as string, 'wrong')).statusCode);
      t.same(statuses, [...Array(10).fill(401), ...Array(4).fill(429)]);
      t.equal(passwords.verifications.length, 10, 'what is throttled is not evaluated');
      const refused = await login('known', PASSWORD);
      t.equal(refused.json().code, 'too_many_attempts');
      t.equal(refused.headers['retry-after'], '900');
      clock.pass(900);
      t.equal((await login('known', PASSWORD)).statusCode, 200, 'never for good: the window ends');
    },
  );

  await t.test('docs/login-api.md: only failures count: a correct password releases its reservation', async (t) => {
    const { login } = await service(db);
    for (let i = 0; i < 9; i++) await login('known', 'wrong');
    for (let i = 0; i < 3; i++) t.equal((await login('known', PASSWORD)).statusCode, 200);
    t.equal((await login('known', 'wrong')).statusCode, 401, 'the tenth failure is still evaluated');
    t.equal((await login('known', PASSWORD)).statusCode, 429);
  });

  await t.test(
    'attacks 11: 50 simultaneous wrong passwords: no more are evaluated than the throttle allows',
    async (t) => {
      const { login, passwords } = await service(db);
      const statuses = (await Promise.all(Array.from({ length: 50 }, () => login('known', 'wrong')))).map(
        (one) => one.statusCode,
      );
      t.equal(statuses.filter((one) => one === 401).length, 10);
      t.equal(statuses.filter((one) => one === 429).length, 40);
      t.equal(passwords.verifications.length, 10);
    },
  );

  await t.test('attacks 29: an attack from many networks does not lock the owner out of a familiar one', async (t) => {
    const { login } = await service(db, {
      environment: { SIGNET_THROTTLE_ACCOUNT: '12', SIGNET_TRUST_PROXY: '127.0.0.1' },
    });
    const from = (ip: string) => ({ 'x-forwarded-for': ip });
    t.equal((await login('known', PASSWORD, from('192.0.2.1'))).statusCode, 200, 'the owner logs in once');
    for (let i = 0; i < 12; i++) await login('known', 'wrong', from(`198.51.100.${i}`));
    t.equal(
      (await login('known', PASSWORD, from('198.51.100.200'))).statusCode,
      429,
      'a new network meets the account-wide delay',
    );
    t.equal((await login('known', PASSWORD, from('192.0.2.1'))).statusCode, 200, 'the known one does not');
  });

  await t.test('attacks 55: a forwarded address counts only from a trusted proxy', async (t) => {
    const { login } = await service(db);
    const statuses: number[] = [];
    for (let i = 0; i < 11; i++)
      statuses.push(
        (
          await login('known', 'wrong', {
            'x-forwarded-for': `198.51.100.${i}`,
            forwarded: `for=198.51.100.${i}`,
          })
        ).statusCode,
      );
    t.equal(statuses.at(-1), 429);
  });

  await t.test('a login upgrades an old hash once and keeps its own', async (t) => {
    const { login, passwords } = await service(db);
    await db.fork().nativeUpdate(User, { username: 'old' }, { password: `md5$salt$${await md5('salt', PASSWORD)}` });
    t.equal((await login('old', PASSWORD)).statusCode, 200);
    t.match((await db.fork().findOneOrFail(User, { username: 'old' })).password, /^argon2id_nfkc\$/);
    t.equal(passwords.hashes, 1);
    t.equal((await login('old', PASSWORD)).statusCode, 200);
    t.equal(passwords.hashes, 1, 'the second login has nothing to upgrade');
  });

  await t.test(
    '50 simultaneous right first logins of one user: 200, 429 or 503, one upgrade, no session lost',
    async (t) => {
      const { login, app } = await service(db, { environment: { SIGNET_HASH_QUEUE: '20' } });
      const user = await db.fork().findOneOrFail(User, { username: 'old' });
      await db.fork().nativeUpdate(User, { id: user.id }, { password: `md5$salt$${await md5('salt', PASSWORD)}` });
      const upgradesBefore = await db.fork().count(AuditEvent, { userId: user.id, kind: 'password_upgraded' });
      const responses = await Promise.all(Array.from({ length: 50 }, () => login('old', PASSWORD)));
      const statuses = responses.map((one) => one.statusCode);
      t.ok(
        statuses.every((one) => [200, 429, 503].includes(one)),
        statuses.join(' '),
      );
      const good = responses.filter((one) => one.statusCode === 200);
      t.ok(good.length >= 1);
      t.ok(
        responses.filter((one) => one.statusCode !== 200).every((one) => Number(one.headers['retry-after']) >= 1),
        'each refusal says when to come again',
      );
      t.equal(
        (await db.fork().count(AuditEvent, { userId: user.id, kind: 'password_upgraded' })) - upgradesBefore,
        1,
        'one upgrade',
      );
      for (const one of good) {
        const cookie = one.cookies[0] as { name: string; value: string };
        const session = await app.inject({ url: '/api/v1/session', cookies: { [cookie.name]: cookie.value } });
        t.equal(session.json().is_authenticated, true, 'its session lives');
      }
      const full = await db.fork().find(Throttle, {});
      t.ok(
        full.every((one) => one.failures === 0),
        'every reservation was given back',
      );
    },
  );

  await t.test(
    'Django authenticate: backends in order; one that cannot take the credentials is skipped, a user ends the chain, a veto ends it with nobody',
    async (t) => {
      const calls: string[] = [];
      const user = await (await openWorld(db)).user('chain');
      const backends = [
        { name: 'other kind', accepts: () => false, authenticate: async () => ({ kind: 'veto' as const }) },
        {
          name: 'directory',
          accepts: () => true,
          authenticate: async ({ username, password }: { username?: string; password?: string }) => {
            calls.push(`directory ${username}`);
            if (username === 'banned') return { kind: 'veto' as const };
            if (username === 'chain' && password === 'from elsewhere')
              return { kind: 'user' as const, user: { id: user.id, passwordEpoch: user.passwordEpoch, amr: ['ext'] } };
            return { kind: 'refused' as const };
          },
        },
      ];
      const { login, passwords } = await service(db, { backends });
      const byDirectory = await login('chain', 'from elsewhere');
      t.equal(byDirectory.statusCode, 200);
      t.same(byDirectory.json().session.amr, ['ext']);
      t.equal(passwords.verifications.length, 0, 'a user ends the chain');
      t.equal((await login('banned', PASSWORD)).statusCode, 401);
      t.equal(passwords.verifications.length, 0, 'a veto ends it with nobody');
      t.equal((await login('chain', PASSWORD)).statusCode, 200, 'refused by one, the next is asked');
      t.same(calls, ['directory chain', 'directory banned', 'directory chain']);
    },
  );

  await t.test('a session is bound to the password epoch: a change ends it, a hash upgrade does not', async (t) => {
    const { login, app } = await service(db);
    await db.fork().nativeUpdate(User, { username: 'old' }, { password: `md5$salt$${await md5('salt', PASSWORD)}` });
    const first = (await login('old', PASSWORD)).cookies[0] as { name: string; value: string };
    const alive = async () =>
      (await app.inject({ url: '/api/v1/session', cookies: { [first.name]: first.value } })).json().is_authenticated;
    await login('old', PASSWORD);
    t.equal(await alive(), true);
    await db.fork().nativeUpdate(User, { username: 'old' }, { passwordEpoch: 99 });
    t.equal(await alive(), false);
    t.ok(await db.fork().findOne(Session, { endedAt: null }), 'whatever the row says');
  });
});

async function md5(salt: string, password: string): Promise<string> {
  const { createHash } = await import('node:crypto');
  return createHash('md5')
    .update(salt + password)
    .digest('hex');
}

t.test('a refusal is sent at the first multiple of the deadline that is not past', async (t) => {
  const came = new Date(0);
  t.same(refusalDeadline(came, new Date(0), 600), new Date(600));
  t.same(refusalDeadline(came, new Date(599), 600), new Date(600));
  t.same(refusalDeadline(came, new Date(601), 600), new Date(1200));
  t.same(refusalDeadline(came, new Date(1201), 600), new Date(1800));
});
