import { pbkdf2Sync } from 'node:crypto';
import fc from 'fast-check';
import { describeReport } from '../../src/cli/commands/import-django-text.ts';
import { checkSlowPasswords } from '../../src/cli/doctor/users.ts';
import type { Parsed } from '../../src/passwords/hashers/hasher.ts';
import {
  createHashPool,
  createPasswords,
  type HashSpeed,
  hashBudget,
  measureHashSpeed,
  readPassword,
} from '../../src/passwords/index.ts';
import { DEFAULT_ARGON2 } from '../../src/passwords/passwords.ts';
import { authenticate, passwordBackend, refusalDeadline } from '../../src/signin/index.ts';
import { User } from '../../src/users/index.ts';
import { project, runImport, userRow } from '../imports/django/dumps.ts';
import { onEachEngine } from '../support/database.ts';
import { hashSpeed, testClock } from '../support/server.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';

// The deadline of refusals hides every hash that is allowed (docs/decisions/0003-refusals-at-a-deadline.md). Nothing here is timed.

const key = (bytes: number) => Buffer.alloc(bytes).toString('base64');
const pbkdf2 = (iterations: number) => `pbkdf2_sha256$${iterations}$salt$${key(32)}`;
const bcrypt = (cost: number) => `bcrypt$$2b$${String(cost).padStart(2, '0')}$${'.'.repeat(22)}${'.'.repeat(31)}`;
const scrypt = (n: number, p: number) => `scrypt$${n}$salt$8$${p}$${key(64)}`;
const argon2 = (m: number, passes: number, lanes: number) =>
  `argon2$argon2id$v=19$m=${m},t=${passes},p=${lanes}$c2FsdHNhbHQ$${key(32).replace(/=+$/, '')}`;
const parsed = (encoded: string) => readPassword(encoded) as Parsed;

/** What Django makes without being told, of the releases that are in use. */
const ofDjango = [
  pbkdf2(260_000),
  pbkdf2(1_000_000),
  pbkdf2(1_200_000),
  pbkdf2(1_500_000),
  bcrypt(12),
  scrypt(2 ** 14, 1),
  scrypt(2 ** 14, 5),
  argon2(102_400, 2, 8),
  'md5$salt$a8f1ac7dbb30ebef6c9f8ea9d4f9a5a2',
];

t.test('decision 0003: a hash that takes longer than the deadline is not allowed', (t) => {
  const budget = hashBudget(hashSpeed, 600, DEFAULT_ARGON2);
  t.equal(budget.deadlineMilliseconds, 600);
  for (const encoded of ofDjango) t.ok(budget.allows(parsed(encoded)), encoded);
  for (const encoded of [pbkdf2(4_000_000), pbkdf2(2_000_000), bcrypt(14), argon2(262_144, 10, 1), scrypt(2 ** 16, 16)])
    t.notOk(budget.allows(parsed(encoded)), encoded);
  t.ok(hashBudget(hashSpeed, 2000, DEFAULT_ARGON2).allows(parsed(pbkdf2(4_000_000))), 'unless the deadline is later');
  t.ok(hashBudget(hashSpeed, 0, DEFAULT_ARGON2).allows(parsed(pbkdf2(4_000_000))), '0 hides nothing');
  t.end();
});

t.test(
  "decision 0003: on any machine Django's defaults are admitted, and whatever is admitted is hidden",
  async (t) => {
    const speed = fc.double({ min: 1e-6, max: 0.02, noNaN: true });
    const speeds = fc.record({
      pbkdf2_sha256: speed,
      pbkdf2_sha1: speed,
      bcrypt: fc.double({ min: 0.001, max: 2, noNaN: true }),
      scrypt: speed,
      argon2: speed,
    });
    const hashes = fc.oneof(
      fc.integer({ min: 1, max: 4_000_000 }).map(pbkdf2),
      fc.integer({ min: 4, max: 14 }).map(bcrypt),
      fc.tuple(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 16 })).map(([n, p]) => scrypt(2 ** n, p)),
      fc
        .tuple(fc.integer({ min: 512, max: 262_144 }), fc.integer({ min: 1, max: 10 }))
        .map(([m, n]) => argon2(m, n, 1)),
    );
    const deadlines = fc.integer({ min: 1, max: 10_000 });
    t.doesNotThrow(() =>
      fc.assert(
        fc.property(speeds, hashes, deadlines, (speed: HashSpeed, encoded, refusal) => {
          const budget = hashBudget(speed, refusal, DEFAULT_ARGON2);
          const hash = parsed(encoded);
          if (!ofDjango.every((one) => budget.allows(parsed(one)))) return false;
          if (budget.deadlineMilliseconds < refusal) return false;
          if (!budget.allows(hash)) return budget.estimate(hash) > budget.deadlineMilliseconds;
          const began = new Date('2026-11-30T12:00:00Z');
          const ended = new Date(began.getTime() + budget.estimate(hash));
          const released = refusalDeadline(began, ended, budget.deadlineMilliseconds);
          return released.getTime() === began.getTime() + budget.deadlineMilliseconds;
        }),
      ),
    );
  },
);

t.test('decision 0003: every kind of work is measured, the best run of each', async (t) => {
  let reads = 0;
  let at = 0;
  // Runs of 9, 6, 12, 9, … milliseconds: the best of each kind is 6 or less.
  const speed = await measureHashSpeed(() => {
    reads += 1;
    if (reads % 2 === 0) at += [9, 6, 12][(reads / 2 - 1) % 3] as number;
    return at;
  });
  t.equal(reads, 50, 'five runs of five kinds');
  t.same(speed, {
    pbkdf2_sha256: 6 / 10_000,
    pbkdf2_sha1: 6 / 10_000,
    bcrypt: 6 / 64,
    scrypt: 6 / (4096 * 8),
    argon2: 6 / 19_456,
  });
});

await onEachEngine(t, async (t, db) => {
  await t.test(
    'docs/login-api.md: who has a hash that is too slow is refused like an unknown user: one verification of a decoy, one deadline',
    async (t) => {
      const cheap = { memoryKiB: 64, iterations: 1, parallelism: 1 };
      const verified: string[] = [];
      const pool = createHashPool({ width: 1, queueLimit: 10, maxWaitMs: 1000 });
      const counted: typeof pool = {
        ...pool,
        run: (threads, work) => {
          verified.push('one');
          return pool.run(threads, work);
        },
      };
      // A millisecond an iteration: ten are fast, a thousand are too slow; nothing else costs anything.
      const speed = { pbkdf2_sha256: 1, pbkdf2_sha1: 0, bcrypt: 0, scrypt: 0, argon2: 0 };
      const djangos = hashBudget(speed, 600, cheap).deadlineMilliseconds;
      t.equal(djangos, 1_875_000, "Django's defaults move the deadline");
      const slow = Math.ceil(djangos / 1.25) + 1;
      const passwords = await createPasswords(counted, cheap, hashBudget(speed, 600, cheap));
      const encoded = (iterations: number) =>
        `pbkdf2_sha256$${iterations}$salt$${pbkdf2Sync('right', 'salt', 10, 32, 'sha256').toString('base64')}`;
      t.match(await passwords.verify('right', encoded(10)), { matches: true });
      t.equal(passwords.tooSlow?.(encoded(10)), null);
      t.ok((passwords.tooSlow?.(encoded(slow)) as number) > djangos);

      const world = await openWorld(db);
      for (const name of ['fast', 'slow']) await world.user(name);
      await db.fork().nativeUpdate(User, { username: 'fast' }, { password: encoded(10) });
      await db.fork().nativeUpdate(User, { username: 'slow' }, { password: encoded(slow) });
      const clock = testClock();
      const parameters = {
        clock,
        passwords,
        backends: [passwordBackend(db, passwords, clock)],
        limits: { name: 100, network: 100, account: 100 },
        refusalMilliseconds: passwords.deadlineMilliseconds as number,
      };
      const outcomes = [];
      for (const username of ['fast', 'slow', 'nobody']) {
        verified.length = 0;
        clock.sleeps.length = 0;
        const attempt = { username, password: username === 'fast' ? 'wrong' : 'right', ip: '192.0.2.1' };
        const { kind } = await authenticate(db, parameters, attempt);
        outcomes.push({ kind, verified: verified.length, at: clock.sleeps.map((one) => one.getTime()) });
      }
      const deadline = clock.now().getTime() + djangos;
      t.same(outcomes, Array(3).fill({ kind: 'refused', verified: 1, at: [deadline] }));
      t.match(await checkSlowPasswords(db, passwords), { status: 'warn', message: /^1 imported password takes/ });
      await db.fork().nativeUpdate(User, { username: 'slow' }, { password: encoded(10) });
      t.match(await checkSlowPasswords(db, passwords), { status: 'ok' });
    },
  );

  await t.test('decision 0003: the report of an import names who has a hash that is too slow here', async (t) => {
    const { rows, audience } = project([
      userRow(1, 'dear', { password: pbkdf2(4_000_000) }),
      userRow(2, 'usual', { password: pbkdf2(1_200_000) }),
    ]);
    const budget = hashBudget(hashSpeed, 600, DEFAULT_ARGON2);
    const { tooSlow } = await createPasswords(
      createHashPool({ width: 1, queueLimit: 10, maxWaitMs: 1000 }),
      { memoryKiB: 64, iterations: 1, parallelism: 1 },
      budget,
    );
    const report = await runImport(db, rows, { audience, tooSlow });
    t.match(report.passwords, { unusable: [], slow: [{ name: /^dear/, code: 'password_slow' }] });
    t.equal(Math.round(Number(report.passwords.slow[0]?.params['milliseconds']) / 100), 15, 'about 1.5 s');
    t.equal(report.passwords.slow.length, 1);
    t.match(describeReport(report), /must reset it, or raise SIGNET_REFUSAL_MS[\s\S]*dear/);
    const stored = await db.fork().findOneOrFail(User, { username: report.passwords.slow[0]?.name as string });
    t.match(stored.password, /^pbkdf2_sha256\$4000000\$/, 'it is kept, for a machine or a setting that allows it');
  });
});
