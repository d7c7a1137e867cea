import type { Passwords } from '../../src/passwords/index.ts';
import { type Config, readConfig } from '../../src/platform/config/index.ts';
import { systemClock } from '../../src/platform/time.ts';
import { createConfiguredHashPool, createConfiguredPasswords } from '../../src/server/options.ts';
import { openTestEmbedded } from '../support/database.ts';
import { freePort } from '../support/process.ts';
import { startApp } from '../support/server.ts';
import t, { type Test } from '../support/tap.ts';

// attacks 103: a login storm. Not how fast, but how many: hashes that wait, logins that are shed, answers that others get meanwhile.

const QUEUE = 16;

type Pool = ReturnType<typeof createConfiguredHashPool>;

async function listening(t: Test, hashing: (pool: Pool, config: Config) => Promise<Passwords>) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const environment = {
    SIGNET_ISSUER: url,
    SIGNET_HASH_QUEUE: String(QUEUE),
    SIGNET_HASH_WIDTH: '1',
    SIGNET_HASH_WAIT_MS: '60000',
    SIGNET_THROTTLE_NETWORK: '100000',
    SIGNET_REFUSAL_MS: '0',
  };
  const config = readConfig('development', environment);
  const pool = createConfiguredHashPool(config, 2);
  const db = await openTestEmbedded();
  const { app } = await startApp(db, { clock: systemClock, passwords: await hashing(pool, config), environment });
  await app.listen({ host: '127.0.0.1', port });
  t.teardown(async () => {
    await app.close();
    await db.close();
  });
  const answers: { status: number; retryAfter: string | null; code: string }[] = [];
  const storm = (logins: number) =>
    Promise.all(
      Array.from({ length: logins }, async (_, i) => {
        const response = await fetch(`${url}/api/v1/login`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ username: `name${i}`, password: 'wrong' }),
        });
        const { code } = (await response.json()) as { code: string };
        answers.push({ status: response.status, retryAfter: response.headers.get('retry-after'), code });
      }),
    );
  /** What everybody else asks. */
  async function others(): Promise<number[]> {
    const paths = ['/.well-known/jwks.json', '/api/v1/session', '/health/ready', '/.well-known/openid-configuration'];
    return Promise.all(paths.map(async (path) => (await fetch(url + path)).status));
  }
  const count = (status: number) => answers.filter((one) => one.status === status).length;
  return { pool, storm, others, answers, count };
}

t.test('attacks 103: of 500 logins at once as many wait as may; the others are told when to come again', async (t) => {
  // Hashes that take until they are let go: the worst there can be.
  const gate = Promise.withResolvers<void>();
  const { pool, storm, others, answers, count } = await listening(t, async (pool) => ({
    verify: async () => {
      const outcome = await pool.run(1, () => gate.promise);
      return outcome.ok ? { ok: true, matches: false, isOutdated: false } : outcome;
    },
    hash: async () => null,
  }));
  const done = storm(500);
  while (answers.length < 500 - 1 - QUEUE)
    t.same(await others(), [200, 200, 200, 200], 'everybody else is served meanwhile');
  t.equal(count(503), 500 - 1 - QUEUE);
  t.same([pool.active, pool.queued], [1, QUEUE], 'one is at work, the queue is full, and that is all');
  t.ok(
    answers.every((one) => one.code === 'busy' && Number(one.retryAfter) >= 1),
    'each with Retry-After',
  );
  for (let i = 0; i < 5; i++) t.same(await others(), [200, 200, 200, 200], 'the full queue is in nobody’s way');
  gate.resolve();
  await done;
  t.equal(count(401), 1 + QUEUE, 'who waited is answered');
  t.match(pool.stats(), { active: 0, queued: 0, started: 1 + QUEUE, refused: 500 - 1 - QUEUE });
});

t.test('attacks 103: with real hashes every login is evaluated once or told to come again', async (t) => {
  const { pool, storm, others, answers, count } = await listening(t, (pool, config) =>
    createConfiguredPasswords(config, 2, pool),
  );
  const before = pool.stats().started;
  const done = storm(120);
  for (let served = 0; answers.length < 120; served++) {
    t.same(await others(), [200, 200, 200, 200], `everybody else is served (${served})`);
    if (pool.queued > QUEUE) t.fail(`${pool.queued} wait`);
  }
  await done;
  const { started, refused, expired } = pool.stats();
  t.equal(count(401) + count(503), 120);
  t.same(
    [started - before, refused + expired],
    [count(401), count(503)],
    'a hash for each that was evaluated, none more',
  );
});
