import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Test } from 'tap';
import { freePort } from '../support/process.ts';
import { startSite } from './world.ts';

const MODULES = '/usr/lib/apache2/modules';
const standing = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'proxy', 'proxy_http'];

/**
 * Apache in the foreground on a free port, with these modules beside the standing ones. What it lets through goes to a program that
 * answers with the headers that came, as JSON. `configure` is told Apache's own address first.
 */
export async function startApache(
  t: Test,
  modules: readonly string[],
  configure: (url: string) => Promise<string> | string,
): Promise<{ readonly url: string; log(): string }> {
  const folder = mkdtempSync(join(tmpdir(), 'signet-apache-'));
  // Started as root, it serves as www-data.
  chmodSync(folder, 0o777);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const behind = await startSite(t, () => (request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(request.headers));
  });
  const isRoot = process.getuid?.() === 0;
  const lines = [
    `ServerRoot ${folder}`,
    'ServerName 127.0.0.1',
    `Listen 127.0.0.1:${port}`,
    `PidFile ${folder}/pid`,
    `ErrorLog ${folder}/error.log`,
    `Mutex file:${folder}`,
    'LogLevel info',
    // Few threads: the machine has other things to do.
    'StartServers 1',
    'ThreadsPerChild 8',
    'MaxRequestWorkers 16',
    ...(isRoot ? ['User www-data', 'Group www-data'] : []),
    ...[...standing, ...modules].map((one) => `LoadModule ${one}_module ${MODULES}/mod_${one}.so`),
    `ProxyPass "/redirect_uri" "!"`,
    `ProxyPass "/" "${behind.url}/"`,
    await configure(url),
  ];
  const path = join(folder, 'apache.conf');
  writeFileSync(path, `${lines.join('\n')}\n`);
  const log = () => readFileSync(join(folder, 'error.log'), 'utf8');
  const child = spawn('/usr/sbin/apache2', ['-f', path, '-DFOREGROUND'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  const over = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  t.teardown(async () => {
    child.kill('SIGTERM');
    await over;
  });
  for (let i = 0; !(await answers(port)); i++) {
    if (child.exitCode !== null || i > 100) throw new Error(`Apache does not serve: ${said}`);
    await setTimeout(50);
  }
  return { url, log };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
