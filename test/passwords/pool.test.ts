import { createPasswords } from '../../src/passwords/checker.ts';
import { createHashPool, type HashPool, type HashPoolOptions } from '../../src/passwords/pool.ts';
import t from '../support/tap.ts';

/** A pool with a clock and timers in the test's hand, and jobs that end when they are told to. */
function bench(options: Partial<HashPoolOptions> = {}) {
  let clock = 0;
  const timers = new Set<{ at: number; callback: () => void }>();
  const pool = createHashPool({
    width: 2,
    queueLimit: 10,
    maxWaitMs: 1000,
    now: () => clock,
    setTimer(callback, ms) {
      const timer = { at: clock + ms, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    ...options,
  });
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    pool,
    started,
    timers,
    submit(name: string, threads = 1) {
      return pool.run(threads, () => {
        started.push(name);
        return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
      });
    },
    /** Ends a job and lets the pool react: settling takes a few turns of the microtask queue. */
    async end(name: string) {
      ends.get(name)?.();
      await settled();
    },
    /** Moves the clock; the timers fire only when asked to. */
    async pass(ms: number, { fire = true } = {}) {
      clock += ms;
      for (const timer of [...timers]) {
        if (!fire || timer.at > clock) continue;
        timers.delete(timer);
        timer.callback();
      }
      await settled();
    },
  };
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

t.test('a free pool starts a job at once and gives its value', async (t) => {
  const { pool, started, submit, end } = bench();
  const result = submit('a');
  t.same(started, ['a']);
  t.equal(pool.active, 1);
  await end('a');
  t.same(await result, { ok: true, value: 'a' });
  t.equal(pool.active, 0);
});

t.test('no more threads than the width are taken; the others wait in the order of their coming', async (t) => {
  const { pool, started, submit, end, timers } = bench();
  for (const name of ['a', 'b', 'c', 'd', 'e']) void submit(name);
  t.same(started, ['a', 'b']);
  t.match(pool.stats(), { width: 2, active: 2, queued: 3, started: 2 });
  await end('b');
  t.same(started, ['a', 'b', 'c']);
  await end('a');
  await end('c');
  t.same(started, ['a', 'b', 'c', 'd', 'e']);
  await end('d');
  await end('e');
  t.match(pool.stats(), { active: 0, queued: 0, started: 5, refused: 0, expired: 0 });
  t.equal(timers.size, 0, 'a job that started leaves no timer behind');
});

t.test('a job takes as many threads as it says, and the whole width when that is more', async (t) => {
  const { pool, started, submit, end } = bench({ width: 4 });
  void submit('three', 3);
  void submit('eight', 8);
  t.same(started, ['three']);
  t.equal(pool.active, 3);
  await end('three');
  t.same(started, ['three', 'eight']);
  t.equal(pool.active, 4);
  await end('eight');
  t.equal(pool.active, 0);
});

t.test('narrow jobs do not overtake a wide one that waits: it is never starved', async (t) => {
  const { started, submit, end } = bench({ width: 2 });
  void submit('a');
  void submit('wide', 2);
  void submit('b');
  t.same(started, ['a'], 'one thread is free, but the wide job is next');
  await end('a');
  t.same(started, ['a', 'wide']);
  await end('wide');
  t.same(started, ['a', 'wide', 'b']);
});

t.test('over the queue limit a job is answered busy at once and never runs', async (t) => {
  const { pool, started, submit, end } = bench({ width: 1, queueLimit: 1, maxWaitMs: 2500 });
  void submit('a');
  void submit('b');
  t.same(await submit('c'), { ok: false, retryAfterSeconds: 3 });
  t.match(pool.stats(), { queued: 1, refused: 1 });
  await end('a');
  await end('b');
  t.same(started, ['a', 'b']);
});

t.test('with a queue limit of 0 nobody waits', async (t) => {
  const { submit, end } = bench({ width: 1, queueLimit: 0, maxWaitMs: 10 });
  void submit('a');
  t.same(await submit('b'), { ok: false, retryAfterSeconds: 1 });
  await end('a');
  void submit('c');
  await end('c');
});

t.test('a job that has waited to its deadline is answered busy by its timer and never runs', async (t) => {
  const { pool, started, submit, end, pass } = bench({ width: 1 });
  void submit('a');
  const late = submit('late');
  await pass(999);
  t.equal(pool.queued, 1);
  await pass(1);
  t.same(await late, { ok: false, retryAfterSeconds: 1 });
  t.match(pool.stats(), { queued: 0, expired: 1, active: 1 });
  await end('a');
  t.same(started, ['a']);
});

t.test('the deadline is checked when a thread frees, even when no timer has fired', async (t) => {
  const { pool, started, submit, end, pass } = bench({ width: 1 });
  void submit('a');
  const late = submit('late');
  await pass(600, { fire: false });
  void submit('in time');
  await pass(400, { fire: false });
  await end('a');
  t.same(await late, { ok: false, retryAfterSeconds: 1 });
  t.same(started, ['a', 'in time']);
  t.equal(pool.stats().expired, 1);
  await end('in time');
});

t.test('jobs whose time is up hold no place in the queue against a newcomer', async (t) => {
  const { submit, end, pass, started } = bench({ width: 1, queueLimit: 1 });
  void submit('a');
  const late = submit('late');
  await pass(1000, { fire: false });
  void submit('new');
  t.same(await late, { ok: false, retryAfterSeconds: 1 });
  await end('a');
  t.same(started, ['a', 'new']);
  await end('new');
});

t.test('a wide job that gives up at the head makes way for the narrow ones behind it', async (t) => {
  const { started, submit, end, pass } = bench({ width: 2 });
  void submit('a');
  const wide = submit('wide', 2);
  await pass(500);
  void submit('b');
  t.same(started, ['a']);
  await pass(500);
  t.same(await wide, { ok: false, retryAfterSeconds: 1 });
  t.same(started, ['a', 'b']);
  await end('a');
  await end('b');
});

t.test('a job that throws rejects, and frees its threads for the next', async (t) => {
  const { pool, started, submit, end } = bench({ width: 1 });
  await t.rejects(
    pool.run(1, () => Promise.reject(new Error('no memory'))),
    { message: 'no memory' },
  );
  await t.rejects(
    pool.run(1, () => {
      throw new Error('at once');
    }),
    { message: 'at once' },
  );
  t.equal(pool.active, 0);
  void submit('a');
  const failing = pool.run(1, () => Promise.reject(new Error('later')));
  void submit('b');
  await Promise.all([t.rejects(failing, { message: 'later' }), end('a')]);
  t.same(started, ['a', 'b']);
  await end('b');
});

t.test('two pools share nothing, and the default clock and timer serve', async (t) => {
  const options = { width: 1, queueLimit: 1, maxWaitMs: 60_000 };
  const [one, two] = [createHashPool(options), createHashPool(options)];
  let release: () => void = () => {};
  const first = one.run(1, () => new Promise<void>((resolve) => (release = resolve)));
  const second = one.run(1, async () => 'second');
  t.same(await two.run(1, async () => 'two'), { ok: true, value: 'two' });
  t.equal(one.queued, 1);
  release();
  t.same(await second, { ok: true, value: 'second' });
  t.match(await first, { ok: true });
});

t.test('options that make no pool are refused', async (t) => {
  const good = { width: 1, queueLimit: 1, maxWaitMs: 1 };
  for (const wrong of [
    { width: 0 },
    { width: 1.5 },
    { queueLimit: -1 },
    { maxWaitMs: -1 },
    { maxWaitMs: Number.NaN },
  ]) {
    t.throws(() => createHashPool({ ...good, ...wrong }), RangeError);
  }
});

t.test(
  'docs/decisions/0003: every verification takes as many places, whatever hash is stored, and for nobody too',
  async (t) => {
    const places: number[] = [];
    const { pool } = bench({ width: 4 });
    const counted = {
      ...pool,
      run: async <T>(threads: number, work: () => Promise<T>) => {
        places.push(threads);
        return { ok: true as const, value: await work() };
      },
    };
    const passwords = await createPasswords(counted as unknown as HashPool, {
      memoryKiB: 64,
      iterations: 1,
      parallelism: 2,
    });
    const tail = 'MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAA';
    for (const stored of [null, `argon2$argon2id$v=19$m=1024,t=2,p=8$${tail}`, 'md5$$9cc2ae8a1ba7a93da39b46fc1019c481'])
      await passwords.verify('whatever', stored);
    t.same(places, [2, 2, 2]);
  },
);
