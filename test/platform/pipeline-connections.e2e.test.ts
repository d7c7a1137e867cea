import { renameSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { hotSelect } from '../../src/platform/database/index.ts';
import { listenOn } from '../../src/platform/database/listen.ts';
import { openPipeline } from '../../src/platform/database/pipeline.ts';
import { openPostgresql } from '../../src/platform/database/postgresql.ts';
import { createTestPostgresql, model } from '../support/database.ts';
import t from '../support/tap.ts';
import { backends, echo, open, skip, sleep, startProxy, until } from './pipeline-world.ts';

// docs/decisions/0017-pipelined-selects.md: the connections that hot selects share are there for as long as the process is, and no longer.

t.test(
  'docs/configuration.md, DATABASE_URL: a file that it names may be away for a while, and the process lives on',
  { skip },
  async (t) => {
    const { url, onPool, administrator } = await open(t);
    const folder = t.testdir();
    const [file, away] = [join(folder, 'root.crt'), join(folder, 'new.crt')];
    writeFileSync(file, 'read at each connection, whether it is used or not');
    const withFile = new URL(url);
    withFile.searchParams.set('sslmode', 'disable');
    withFile.searchParams.set('sslrootcert', file);
    let tries = 0;
    const client = {
      application_name: 'pipeline',
      get connectionString() {
        tries++;
        return withFile.href;
      },
    };
    const pipeline = await openPipeline({ client, connections: 1, onPool: async () => [{ canary: 'pool' }] });
    t.teardown(() => pipeline.close());
    renameSync(file, away);
    const before = tries;
    await administrator.query(`select pg_terminate_backend(pid) from (${backends}) b`);
    await until(() => tries >= before + 2);
    t.same(await pipeline.select(echo, ['without', 1]), [{ canary: 'pool' }]);
    renameSync(away, file);
    await until(() => pipeline.depth().open === 1);
    t.same(await pipeline.select(echo, ['again', 1]), [{ canary: 'again', n: 1 }]);
    t.same(onPool, []);

    renameSync(file, away);
    const heard = Promise.withResolvers<string | null>();
    const stop = listenOn(withFile.href, 'test-files', heard.resolve);
    t.teardown(stop);
    renameSync(away, file);
    t.equal(await heard.promise, null, 'and so does the connection that listens');
  },
);

t.test('docs/configuration.md, DATABASE_URL: query_timeout in it ends no connection', { skip }, async (t) => {
  const { url, onPool } = await open(t);
  const impatient = new URL(url);
  impatient.searchParams.set('query_timeout', '20');
  const pipeline = await openPipeline({
    client: { connectionString: impatient.href },
    connections: 1,
    onPool: async () => [{ canary: 'pool' }],
  });
  t.teardown(() => pipeline.close());
  const who = hotSelect('test-who', 'select pg_backend_pid() as pid');
  const [first] = await pipeline.select(who, []);
  t.same(
    await pipeline.select(sleep, ['longer', 0.1]),
    [{ canary: 'longer', slept: '' }],
    'PostgreSQL has a limit of its own',
  );
  t.same(await pipeline.select(who, []), [first]);
  t.same(onPool, []);
});

t.test(
  'a connection that is lost fails the one select that PostgreSQL was at; those behind it run on the pool',
  { skip },
  async (t) => {
    const { url, administrator } = await open(t);
    const onPool: unknown[] = [];
    const lost = 'lost';
    const proxy = await startProxy(t, url, () => true);
    for (const [how, lose] of [
      [
        'PostgreSQL ends it',
        () =>
          administrator.query(
            `select pg_terminate_backend(pid) from pg_stat_activity where application_name = '${lost}'`,
          ),
      ],
      ['the network does', async () => [...proxy.accepted].at(-1)?.resetAndDestroy()],
    ] as const) {
      const pipeline = await openPipeline({
        client: { connectionString: proxy.url, application_name: lost },
        connections: 1,
        stallMs: 60_000,
        onPool: async (_, [canary]) => {
          onPool.push(canary);
          return [{ canary }];
        },
      });
      t.teardown(() => pipeline.close());
      t.same(await pipeline.select(echo, ['first', 1]), [{ canary: 'first', n: 1 }]);
      await t.rejects(
        pipeline.select(echo, ['refused', 'no number']),
        { code: '22P02' },
        'what is refused before is told as it is',
      );
      const oldest = t.rejects(pipeline.select(sleep, ['oldest', 60]), { message: /terminat|ECONNRESET/ }, how);
      const behind = Array.from({ length: 50 }, (_, n) => pipeline.select(echo, [n, 1]));
      await until(
        async () =>
          (
            await administrator.query(
              `select 1 from pg_stat_activity where application_name = '${lost}' and query like '%pg_sleep%'`,
            )
          ).rowCount === 1,
      );
      await lose();
      await oldest;
      t.same(
        await Promise.all(behind),
        Array.from({ length: 50 }, (_, canary) => [{ canary }]),
      );
      t.same(
        onPool.splice(0),
        Array.from({ length: 50 }, (_, canary) => canary),
      );
    }
  },
);

t.test('closing ends, whether the server hangs up or not', { skip }, async (t) => {
  const { url } = await open(t);
  let isSilent = false;
  const { url: through, accepted } = await startProxy(t, url, () => !isSilent);
  const options = {
    client: { connectionString: through },
    onPool: () => Promise.reject(new Error('the pool was asked')),
    closeTimeoutMs: 20,
  };
  const idle = await openPipeline({ ...options, connections: 2 });
  const busy = await openPipeline({ ...options, connections: 1 });
  const broken = await openPipeline({ ...options, connections: 1 });
  const last = [...accepted].at(-1);
  const heard = Promise.withResolvers<string | null>();
  const stop = listenOn(through, 'test-closing', heard.resolve, 20);
  await heard.promise;
  isSilent = true;
  const owed = t.rejects(busy.select(echo, ['owed', 1]), { message: /^Connection terminated/ });
  last?.destroy();
  await until(() => broken.depth().open === 0);
  const before = accepted.size;
  await until(() => accepted.size > before);
  await Promise.all([idle.close(), busy.close(), broken.close(), stop(), owed]);
  await until(() => [...accepted].every((one) => one.readableEnded || one.destroyed));
  t.equal(accepted.size, before + 1, 'and an attempt to connect again is given up');
});

t.test(
  'a connection that may be idle for long is kept alive: firewalls forget one within minutes',
  { skip },
  async (t) => {
    const { url, drop } = await createTestPostgresql();
    const asked = t.capture(Socket.prototype, 'setKeepAlive', Socket.prototype.setKeepAlive);
    const db = await openPostgresql(url, 2, model, { pipelines: 2 });
    const heard = Promise.withResolvers<string | null>();
    const stop = await db.listen('test-idle', heard.resolve);
    await heard.promise;
    t.teardown(async () => {
      await stop();
      await db.close();
      await drop();
    });
    const delays = asked().map(({ args }) => args);
    t.ok(delays.length >= 4, `${delays.length}: of the pool, of both pipelines, and the one that listens`);
    for (const one of delays) t.same(one, [true, 30_000]);
  },
);
