import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { postgresqlUrl } from './database.ts';
import { freePort } from './process.ts';

const BINARY = '/usr/sbin/pgbouncer';

/** Why there is none, or false. */
export const noPgbouncer =
  postgresqlUrl === undefined
    ? 'DATABASE_URL is not set'
    : existsSync(BINARY)
      ? false
      : `${BINARY} is absent (apt-get install pgbouncer)`;

/** A PgBouncer as its package sets it up, but for the mode and `more`, before the PostgreSQL of the suite. Answers a database's URL by way of it. */
export async function startPgbouncer(t: Test, mode: 'session' | 'transaction', more = '') {
  const server = new URL(postgresqlUrl as string);
  const folder = mkdtempSync(join(tmpdir(), 'signet-pgbouncer-'));
  const port = await freePort();
  const ini = `[databases]
* = host=${server.hostname} port=${server.port || 5432}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${folder}/users.txt
admin_users = admin
pool_mode = ${mode}
${more}
`;
  writeFileSync(join(folder, 'pgbouncer.ini'), ini);
  const user = decodeURIComponent(server.username);
  writeFileSync(join(folder, 'users.txt'), `"${user}" "${decodeURIComponent(server.password)}"\n"admin" ""\n`);
  const { child, output } = run(folder);
  t.teardown(async () => {
    const over = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode === null && child.kill('SIGKILL')) await over;
    rmSync(folder, { recursive: true });
  });
  await answers(port, child, output);
  const through = (url: string) => {
    const given = new URL(url);
    given.hostname = '127.0.0.1';
    given.port = String(port);
    return given.href;
  };
  return { through };
}

/** It refuses to run as root. */
function run(folder: string) {
  const own = [BINARY, join(folder, 'pgbouncer.ini')];
  const isRoot = userInfo().uid === 0;
  if (isRoot) chmodSync(folder, 0o755);
  const [file = '', ...words] = isRoot ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...own] : own;
  const child = spawn(file, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
  return { child, output: () => text };
}

async function answers(port: number, child: ChildProcess, output: () => string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`pgbouncer ended with ${child.exitCode}:\n${output()}`);
    const isThere = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (isThere) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
