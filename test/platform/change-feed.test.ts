import { announce, type Database, startSignals } from '../../src/platform/database/index.ts';
import { openPostgresql } from '../../src/platform/database/postgresql.ts';
import { createTestPostgresql, model, onEachEngine, postgresqlUrl } from '../support/database.ts';
import t from '../support/tap.ts';

/** Waits for something that happens by itself; fails when it does not within a minute. */
async function until(what: () => boolean): Promise<void> {
  for (let tries = 0; tries < 6000 && !what(); tries++) await new Promise((done) => setTimeout(done, 10));
  if (!what()) throw new Error('it did not happen');
}

const change = (db: Database, topic: string) => db.fork().transactional((tx) => announce(tx, topic));

/** What a process has read, by topic. */
async function listening(db: Database, options: { listens?: boolean } = {}) {
  const count = { keys: 0, other: 0 };
  const failures: string[] = [];
  const readers = {
    keys: async () => void count.keys++,
    other: async () => {
      count.other += 1;
      if (count.other === 2) throw new Error('the disk is full');
    },
  };
  const onError = (topic: string, error: Error) => void failures.push(`${topic}: ${error.message}`);
  const stop = await startSignals(db, readers, { onError, ...options });
  await until(() => count.keys > 0 && count.other > 0);
  return { count, failures, stop };
}

t.test('signals', (t) =>
  onEachEngine(t, async (t, db) => {
    await t.test('everything is read once at first, then only what has changed', async (t) => {
      const { count, stop } = await listening(db);
      await change(db, 'keys');
      await until(() => count.keys === 2);
      t.same(count, { keys: 2, other: 1 });
      await stop();
      await change(db, 'keys');
      t.same(count, { keys: 2, other: 1 }, 'nothing is read any more');
    });

    await t.test('a change that was rolled back is told to nobody', async (t) => {
      const { count, stop } = await listening(db);
      const failing = db.fork().transactional(async (tx) => {
        await announce(tx, 'keys');
        throw new Error('no');
      });
      await t.rejects(failing, { message: 'no' });
      await change(db, 'other');
      await until(() => count.other > 1);
      t.equal(count.keys, 1);
      await stop();
    });

    await t.test('a reading that failed is told, and done again', async (t) => {
      const { count, failures, stop } = await listening(db);
      await change(db, 'other');
      await until(() => count.other === 3);
      t.same(failures, ['other: the disk is full']);
      await stop();
    });

    await t.test('§6: with every notification swallowed, polling finds the change', async (t) => {
      const { count, stop } = await listening(db, { listens: false });
      await change(db, 'keys');
      await until(() => count.keys === 2);
      t.equal(count.keys, 2);
      await stop();
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

  await t.test('§6: what one announces the other reads, by notification', async (t) => {
    const heard: (string | null)[] = [];
    const stop = await there.listen('signet', (payload) => void heard.push(payload));
    await until(() => heard.includes(null));
    await change(here, 'keys');
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
      await here
        .fork()
        .execute(
          "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'signet listen' and datname = current_database()",
        );
      await until(() => heard.length === 2);
      await change(here, 'keys');
      await until(() => heard.length === 3);
      t.same(heard, [null, null, 'keys']);
      await stop();
    },
  );
});
