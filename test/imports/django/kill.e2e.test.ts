import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestPostgresql, postgresqlUrl, root } from '../../support/database.ts';
import { freshSettings, signet } from '../../support/process.ts';
import t, { type Test } from '../../support/tap.ts';
import { smallProject, userRow } from './dumps.ts';

// "All or nothing: a crash leaves only staging rows, dropped at start." The process that imports is killed in the middle, really.

const USERS = 6_000;
const dump = join(mkdtempSync(join(tmpdir(), 'kill-import-')), 'dump.json');
const users = Array.from({ length: USERS }, (_, i) => userRow(i + 1, `user${i + 1}`));
writeFileSync(dump, JSON.stringify([...smallProject.filter((row) => row.model !== 'auth.user'), ...users]));

/** Starts the import as a process of its own (no launcher: the pid is the importer's) and kills it after `milliseconds`. */
function killedImport(
  environment: Record<string, string>,
  milliseconds: number,
): Promise<{ signal: NodeJS.Signals | null }> {
  return new Promise((resolve) => {
    const words = ['import', 'django', dump, '--api', 'project'];
    const child = spawn(process.execPath, [join(root, 'src/main.ts'), ...words], {
      env: { PATH: process.env['PATH'] ?? '', ...environment },
      stdio: 'ignore',
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), milliseconds);
    child.once('exit', (_code, signal) => {
      clearTimeout(timer);
      resolve({ signal });
    });
  });
}

async function survives(t: Test, environment: Record<string, string>): Promise<void> {
  t.equal((await signet(['migrate'], environment)).code, 0);
  let kills = 0;
  for (const milliseconds of [800, 1300]) {
    const { signal } = await killedImport(environment, milliseconds);
    if (signal !== 'SIGKILL') break;
    kills++;
    const { code, stdout } = await signet(['user', 'list', '--json'], environment);
    t.equal(code, 0, 'the database opens');
    const found = (JSON.parse(stdout) as { users: unknown[] }).users.length;
    t.ok(found === 0 || found === 100, `after ${milliseconds} ms: none, or the first page of all (${found})`);
    if (found > 0) break;
  }
  t.ok(kills > 0, 'it was killed in the middle');
  const again = await signet(['import', 'django', dump, '--api', 'project', '--json'], environment);
  t.equal(again.code, 0, again.stderr);
  const report = JSON.parse(again.stdout) as { users: { created: number; known?: number } };
  t.ok(report.users.created === USERS || report.users.created === 0, JSON.stringify(report.users));
  const last = await signet(['user', 'list', '--after', 'user5998', '--json'], environment);
  t.match(JSON.parse(last.stdout), { users: [{ username: 'user5999' }] }, 'and the next run brings all');
}

t.test('kill -9 in the middle of an import, embedded: all or nothing, and the folder opens', async (t) => {
  await survives(t, await freshSettings());
});

const skip = postgresqlUrl === undefined && 'DATABASE_URL is not set';
t.test('kill -9 in the middle of an import, PostgreSQL: all or nothing', { skip }, async (t) => {
  const { url, drop } = await createTestPostgresql({ empty: true });
  t.teardown(drop);
  await survives(t, { ...(await freshSettings()), DATABASE_URL: url, SIGNET_ISSUER: 'https://id.example.test' });
});
