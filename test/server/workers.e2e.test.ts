import { execFileSync } from 'node:child_process';
import { createTestPostgresql, postgresqlUrl } from '../support/database.ts';
import { freePort, freshSettings, serving, signet } from '../support/process.ts';
import t from '../support/tap.ts';

const skip = postgresqlUrl === undefined ? 'DATABASE_URL is not set' : false;
const isReady = /listening on \S+ · 2 workers/;

/** The processes that a process started. */
function children(pid: number): number[] {
  try {
    return execFileSync('ps', ['--ppid', String(pid), '-o', 'pid='], { encoding: 'utf8' })
      .split('\n')
      .map(Number)
      .filter(Boolean);
  } catch {
    return [];
  }
}

async function until<T>(what: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 600; tries++) {
    const found = await what().catch(() => undefined);
    if (found !== undefined) return found;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error('it did not happen');
}

t.test('signet start --workers', { skip }, async (t) => {
  const { url, drop } = await createTestPostgresql({ empty: true });
  t.teardown(drop);
  const { SIGNET_DATA_DIR: _, ...place } = await freshSettings();
  const metrics = await freePort();
  const environment = {
    ...place,
    DATABASE_URL: url,
    SIGNET_HOST: '127.0.0.1',
    SIGNET_ISSUER: `http://127.0.0.1:${place.SIGNET_PORT}`,
    SIGNET_METRICS_PORT: String(metrics),
  };
  const start = ['start', '--workers', '2'];

  await t.test('docs/commands.md: what is wrong is told once, with the exit code of its kind', async (t) => {
    for (const [words, code, text] of [
      [['start', '--workers', '0'], 2, /--workers must be 1 to 128/],
      [['start', '--workers', 'two'], 2, /whole number/],
      [['start', '--embedded', '--workers', '2'], 2, /The embedded database serves one process/],
    ] as const) {
      const ended = await signet([...words], {
        ...environment,
        ...(words[1] === '--embedded' ? { DATABASE_URL: '' } : {}),
      });
      t.equal(ended.code, code);
      t.match(ended.stderr, text);
    }
    t.equal((await signet(['migrate'], environment)).code, 0);
    const database = new URL(url);
    database.pathname = '/there_is_none';
    const ended = await signet(start, { ...environment, DATABASE_URL: database.href });
    t.equal(ended.code, 5);
    t.equal(ended.stderr.trim().split('\n').length, 1, ended.stderr);
    t.match(ended.stderr, /database "there_is_none" does not exist. Create the database/);
  });

  const serves = await serving(start, environment, isReady);
  const issuer = environment.SIGNET_ISSUER;
  const live = async () => ((await fetch(`${issuer}/health/ready`)).ok ? true : undefined);

  await t.test('each worker has metrics of its own, on the ports from SIGNET_METRICS_PORT on', async (t) => {
    for (const port of [metrics, metrics + 1])
      t.match(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text(), /signet_/);
  });

  await t.test('a worker that is killed is started anew, and the others go on', async (t) => {
    const [launched = 0] = children(serves.child.pid as number);
    const first = children(launched).length >= 2 ? launched : (serves.child.pid as number);
    const before = children(first);
    t.equal(before.length, 2);
    process.kill(before[1] as number, 'SIGKILL');
    t.equal(await until(live), true);
    const after = await until(async () => {
      const now = children(first);
      return now.length === 2 && now.some((pid) => !before.includes(pid)) ? now : undefined;
    });
    t.ok(after.includes(before[0] as number));
    await until(async () => ((await fetch(`http://127.0.0.1:${metrics + 1}/metrics`)).ok ? true : undefined));
    t.match(serves.output(), /a worker stopped unexpectedly/);
  });

  await t.test('SIGTERM drains every worker', async (t) => {
    t.same(await serves.stop(), { code: 0, signal: null });
    await t.rejects(fetch(issuer), 'nobody listens any more');
  });
});
