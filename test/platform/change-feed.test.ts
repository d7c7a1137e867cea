import { announce, type Database, startChangeFeed, type Topic } from '../../src/platform/database/index.ts';
import { openPostgresql } from '../../src/platform/database/postgresql.ts';
import { createTestPostgresql, model, onEachEngine, postgresqlUrl } from '../support/database.ts';
import t from '../support/tap.ts';

const KEYS: Topic = { name: 'keys' };
const OTHER: Topic = { name: 'other' };
const OWN: Topic = { name: 'own', hasOwnVersion: true };

/** So long that only a notification runs the reader. */
const NEVER = { everyMs: 3_600_000 };

/** Waits for something that happens by itself; fails when it does not within a minute. */
async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 6000; tries++) {
    if (await what()) return;
    await new Promise((done) => setTimeout(done, 10));
  }
  throw new Error('it did not happen');
}

const change = (db: Database, topic: Topic) => db.fork().transactional((tx) => announce(tx, topic));

/** What a process has read, by topic. */
async function listening(db: Database, options: { listens?: boolean } = {}) {
  const count = { keys: 0, other: 0 };
  const failures: string[] = [];
  const onError = (topic: string, error: Error) => void failures.push(`${topic}: ${error.message}`);
  const changes = await startChangeFeed(db, { onError, ...options });
  changes.follow(KEYS, async () => void count.keys++);
  changes.follow(OTHER, async () => {
    count.other += 1;
    if (count.other === 2) throw new Error('the disk is full');
  });
  await until(() => count.keys > 0 && count.other > 0);
  return { count, failures, stop: () => changes.stop() };
}

/** A reader of which every run waits until the test lets it end. */
function slowReader() {
  const runs: { end: () => void; stopping: AbortSignal }[] = [];
  const read = (stopping: AbortSignal) => new Promise<void>((end) => void runs.push({ end, stopping }));
  return { runs, read };
}

/** A database whose hot statements are noted by name. */
function noted(db: Database) {
  const statements: string[] = [];
  const query: Database['query'] = (statement, values) => {
    statements.push(statement.name);
    return db.query(statement, values);
  };
  return { statements, db: { ...db, fork: () => db.fork(), query } as Database };
}

t.test('the change feed', (t) =>
  onEachEngine(t, async (t, db) => {
    const onError = (topic: string, error: Error) => t.fail(`${topic}: ${error.message}`);

    await t.test('everything is read once at first, then only what has changed', async (t) => {
      const { count, stop } = await listening(db);
      await change(db, KEYS);
      await until(() => count.keys === 2);
      t.same(count, { keys: 2, other: 1 });
      await stop();
      await change(db, KEYS);
      t.same(count, { keys: 2, other: 1 }, 'nothing is read any more');
    });

    await t.test('a change that was rolled back is told to nobody', async (t) => {
      const { count, stop } = await listening(db);
      const failing = db.fork().transactional(async (tx) => {
        await announce(tx, KEYS);
        throw new Error('no');
      });
      await t.rejects(failing, { message: 'no' });
      await change(db, OTHER);
      await until(() => count.other > 1);
      t.equal(count.keys, 1);
      await stop();
    });

    await t.test('a reading that failed is told, and done again', async (t) => {
      const { count, failures, stop } = await listening(db);
      await change(db, OTHER);
      await until(() => count.other === 3);
      t.same(failures, ['other: the disk is full']);
      await stop();
    });

    await t.test('§6: with every notification swallowed, polling finds the change', async (t) => {
      const { count, stop } = await listening(db, { listens: false });
      await change(db, KEYS);
      await until(() => count.keys === 2);
      t.equal(count.keys, 2);
      await stop();
    });

    await t.test('docs/architecture.md: a notification runs the reader at once, with no poll', async (t) => {
      const here = noted(db);
      const changes = await startChangeFeed(here.db, { onError });
      let value = 0;
      let valueRead: number | undefined;
      const read = async () => {
        valueRead = value;
      };
      const stop = changes.follow(OWN, read, NEVER);
      t.equal(valueRead, 0, 'it has run by now');
      value = 1;
      await change(db, OWN);
      await until(() => valueRead === 1);
      await stop();
      t.same(here.statements, [], 'no versions are read where no topic has a count');
      await changes.stop();
    });

    await t.test('docs/architecture.md: a topic with its own version has no row; every poll reads it', async (t) => {
      const changes = await startChangeFeed(db, { onError, listens: false });
      let reads = 0;
      changes.follow(OWN, async () => void reads++);
      await change(db, OWN);
      await until(() => reads === 3);
      const rows = await db.fork().execute('select topic from platform_signal where topic = ?', [OWN.name]);
      t.same(rows, []);
      await changes.stop();
    });

    await t.test('docs/architecture.md: a reader with an interval also runs without a change', async (t) => {
      const changes = await startChangeFeed(db, { onError });
      let reads = 0;
      changes.follow(KEYS, async () => void reads++, { everyMs: 5 });
      await until(() => reads > 3);
      t.ok(reads > 3);
      await changes.stop();
    });

    await t.test(
      'docs/architecture.md: a reader runs once at a time, and once more if changes came; no other topic waits for it',
      async (t) => {
        const changes = await startChangeFeed(db, { onError });
        const { runs, read } = slowReader();
        let polls = 0;
        changes.follow(KEYS, read);
        changes.follow(OWN, async () => void polls++);
        const morePolls = async () => {
          const enough = polls + 2;
          await until(() => polls >= enough);
        };
        await until(() => runs.length === 1);
        await change(db, KEYS);
        await change(db, KEYS);
        await morePolls();
        t.equal(runs.length, 1, 'it still runs');
        runs[0]?.end();
        await until(() => runs.length === 2);
        runs[1]?.end();
        await morePolls();
        t.equal(runs.length, 2, 'one run for both');
        await changes.stop();
      },
    );

    await t.test('docs/architecture.md: a stop tells the run, waits for it and begins no other', async (t) => {
      const changes = await startChangeFeed(db, { onError });
      const { runs, read } = slowReader();
      const slow = changes.follow(OWN, read);
      let reads = 0;
      changes.follow(KEYS, async () => void reads++);
      await change(db, OWN);
      t.equal(runs[0]?.stopping.aborted, false);
      let isStopped = false;
      const stopped = slow().then(() => {
        isStopped = true;
      });
      t.equal(runs[0]?.stopping.aborted, true);
      await until(() => reads > 0);
      t.equal(isStopped, false);
      runs[0]?.end();
      await stopped;
      await change(db, OWN);
      const before = reads;
      await change(db, KEYS);
      await until(() => reads > before);
      t.equal(runs.length, 1, 'the other reader goes on');

      const other = slowReader();
      changes.follow(OWN, other.read);
      isStopped = false;
      const allStopped = changes.stop().then(() => {
        isStopped = true;
      });
      t.equal(other.runs[0]?.stopping.aborted, true);
      await new Promise((done) => setImmediate(done));
      t.equal(isStopped, false);
      other.runs[0]?.end();
      await allStopped;
      t.equal(other.runs.length, 1);
    });
  }),
);

const skip = postgresqlUrl === undefined ? 'DATABASE_URL is not set' : false;
t.test('two processes on one PostgreSQL', { skip }, async (t) => {
  const { url, drop } = await createTestPostgresql();
  const here = await openPostgresql(url, 4, model);
  const there = await openPostgresql(url, 4, model);
  t.teardown(async () => {
    await here.close();
    await there.close();
    await drop();
  });
  const listeners = "from pg_stat_activity where application_name = 'signet listen' and datname = current_database()";

  await t.test('§6: what one announces the other reads, by notification', async (t) => {
    const heard: (string | null)[] = [];
    const stop = await there.listen('signet', (payload) => void heard.push(payload));
    await until(() => heard.includes(null));
    await change(here, KEYS);
    await until(() => heard.length === 2);
    t.same(heard, [null, 'keys'], 'first that something may have been missed, then the topic');
    await stop();
  });

  await t.test(
    'a listening connection that breaks is made anew, and says that something may have been missed',
    async (t) => {
      const heard: (string | null)[] = [];
      const stop = await there.listen('signet', (payload) => void heard.push(payload));
      await until(() => heard.length === 1);
      await here.fork().execute(`select pg_terminate_backend(pid) ${listeners}`);
      await until(() => heard.length === 2);
      await change(here, KEYS);
      await until(() => heard.length === 3);
      t.same(heard, [null, null, 'keys']);
      await stop();
    },
  );

  await t.test('docs/architecture.md: all topics share one listening connection', async (t) => {
    const readings: string[] = [];
    const onError = (topic: string, error: Error) => t.fail(`${topic}: ${error.message}`);
    const changes = await startChangeFeed(there, { onError });
    for (const topic of [KEYS, OTHER, OWN])
      changes.follow(topic, async () => void readings.push(topic.name), topic === OWN ? NEVER : {});
    const countListeners = async () =>
      (await here.fork().execute<{ count: number }[]>(`select count(*)::int as count ${listeners}`))[0]?.count;
    // That of the test before may not have ended yet.
    await until(async () => (await countListeners()) === 1);
    for (const topic of [KEYS, OTHER, OWN]) {
      readings.length = 0;
      await change(here, topic);
      await until(() => readings.includes(topic.name));
    }
    t.equal(await countListeners(), 1);
    await changes.stop();
  });
});
