import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type Database, hotSelect, type Statement } from '../../src/platform/database/index.ts';
import { openPostgresql } from '../../src/platform/database/postgresql.ts';
import { model } from '../support/database.ts';
import t, { type Test } from '../support/tap.ts';
import { noPostgresql, startPostgresql } from './instance.ts';

// The connections that hot selects share, before a PostgreSQL that is restarted, and by every way to reach one
// (docs/configuration.md, DATABASE_URL).

const echo = hotSelect('test-echo', 'select $1::text as canary');
const place = hotSelect(
  'test-place',
  `select $1::text as canary, coalesce(s.ssl, false) as is_encrypted, inet_client_addr() is null as is_socket from pg_stat_ssl s where s.pid = pg_backend_pid()`,
);

async function open(t: Test, url: string): Promise<Database> {
  const db = await openPostgresql(url, 4, model, { use: 'requests', pipelines: 2 });
  t.teardown(() => db.close());
  return db;
}

function noOpenssl(): string | false {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'openssl is absent (apt-get install openssl)';
  }
}

t.test('by TLS with a password (SCRAM), and by a socket', { skip: noPostgresql() || noOpenssl() }, async (t) => {
  const own = await startPostgresql({ withTls: true });
  t.teardown(() => own.remove());
  const certificate = join(own.folder, 'data', 'server.crt');
  const byTls = await open(t, `${own.url}?sslmode=verify-full&sslrootcert=${encodeURIComponent(certificate)}`);
  const expected = { canary: 'tls', is_encrypted: true, is_socket: false };
  t.same(await Promise.all([1, 2, 3].map(() => byTls.query(place, ['tls']))), [[expected], [expected], [expected]]);
  t.same(byTls.connections()?.pipelines, { open: 2, inFlight: 0 });
  await t.rejects(open(t, own.url), /no pg_hba.conf entry|no encryption/, 'who speaks in the clear is refused');
  // libpq's form, which names no host before the path.
  for (const bySocket of [
    `postgres://postgres@/postgres?host=${own.folder}&port=${own.port}`,
    `postgresql://postgres@${encodeURIComponent(own.folder)}:${own.port}/postgres`,
  ]) {
    const db = await open(t, bySocket);
    t.same(await db.query(place, ['socket']), [{ canary: 'socket', is_encrypted: false, is_socket: true }], bySocket);
    t.same(db.connections()?.pipelines, { open: 2, inFlight: 0 });
  }
});

t.test(
  'a PostgreSQL that is killed and started again: each select is answered with what is its own, or fails as an outage',
  { skip: noPostgresql() },
  async (t) => {
    const own = await startPostgresql();
    t.teardown(() => own.remove());
    const db = await open(t, own.url);
    let isOver = false;
    const seen = { answered: 0, failed: 0 };
    const ask = async (worker: number) => {
      for (let n = 0; !isOver; n++) {
        const canary = `${worker}-${n}`;
        try {
          const [row] = await db.query<{ canary: string }>(echo, [canary]);
          if (row?.canary !== canary) throw new Error(`${canary} got ${JSON.stringify(row)}`, { cause: 'mixed' });
          seen.answered++;
        } catch (error) {
          const { code = '', message, cause } = error as Error & { code?: string };
          if (cause === 'mixed' || !/^(57P|08|ECONN|EPIPE)/.test(code || 'none')) {
            if (!/^(Connection terminated|Client has encountered)/.test(message)) throw error;
          }
          seen.failed++;
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    };
    const workers = Array.from({ length: 16 }, (_, worker) => ask(worker));
    const more = async (what: keyof typeof seen, by: number) => {
      const before = seen[what];
      while (seen[what] < before + by) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    for (const mode of ['immediate', 'fast', 'immediate']) {
      await more('answered', 500);
      await own.control('stop', '-m', mode);
      await more('failed', 16);
      t.same(db.connections()?.pipelines.open, 0, `${mode}: no connection is taken for one`);
      await own.control('start');
      await more('answered', 500);
      while (db.connections()?.pipelines.open !== 2) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    isOver = true;
    await Promise.all(workers);
    t.ok(seen.answered > 3000, `${seen.answered} answered, ${seen.failed} failed`);
    t.same(db.connections()?.pipelines, { open: 2, inFlight: 0 });
  },
);

t.test(
  'a PostgreSQL that hangs does not keep a process that ends: every connection is hung up',
  { skip: noPostgresql() },
  async (t) => {
    const own = await startPostgresql();
    t.teardown(async () => {
      own.signalAll('SIGCONT');
      await own.remove();
    });
    const db = await openPostgresql(own.url, 4, model, { use: 'requests', pipelines: 2 });
    const heard = Promise.withResolvers<string | null>();
    const stop = await db.listen('test-frozen', heard.resolve);
    await heard.promise;
    const onPool: Statement = { name: 'test-pool', text: 'select $1::text as canary' };
    await Promise.all([db.query(onPool, ['pool']), db.query(onPool, ['pool']), db.query(echo, ['pipeline'])]);
    const sockets = () =>
      process.getActiveResourcesInfo().filter((one) => /^(TCPSocketWrap|TCPWRAP)$/.test(one)).length;
    t.equal(sockets(), 5, 'of the pool, both pipelines, and the one that listens');
    own.signalAll('SIGSTOP');
    await stop();
    await db.close();
    t.equal(sockets(), 0);
  },
);
