#!/usr/bin/env node
// The launcher: plain JavaScript, because the Node that starts it may be too old to strip types. It re-runs itself on the
// Node that package-lock.json pins, sets the thread pool before that Node starts, and passes signals and exit codes through.
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const pinned = join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');
const major = (version) => Number(version.replace(/^v/, '').split('.')[0]);

if (process.env.SIGNET_LAUNCHED === process.version) {
  delete process.env.SIGNET_LAUNCHED;
  await import('../src/main.ts');
} else {
  const useOwn = major(process.version) >= 24;
  if (!existsSync(join(root, 'node_modules', 'fastify'))) fail('The packages are not installed. Run: npm ci');
  if (!useOwn && !existsSync(pinned))
    fail(
      `Signet needs Node 24 or newer; this is ${process.version}. Run npm ci again (it brings its own Node on Linux x64), or install Node 24.`,
    );
  run(useOwn ? process.execPath : pinned);
}

/** Where compiled code is kept from one start to the next: it halves the time until a command begins. Empty, for none, where that cannot be written. */
function compileCache() {
  const folder = join(root, 'node_modules', '.cache', 'signet');
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return folder;
  } catch {
    return '';
  }
}

function run(node) {
  // The hash pool may use every core but one; the rest of the thread pool serves files, DNS and key generation.
  const threads = String(Math.max(8, availableParallelism() * 2 + 4));
  const env = { ...process.env, UV_THREADPOOL_SIZE: process.env.UV_THREADPOOL_SIZE ?? threads };
  // glibc keeps an arena for every thread, and in each the 19 MiB of the last password hash: some 130 MB that nobody uses.
  env.MALLOC_ARENA_MAX ??= '2';
  env.NODE_COMPILE_CACHE ??= compileCache();
  if (node === process.execPath) env.SIGNET_LAUNCHED = process.version;
  // Under load V8 lets the young generation grow to twice the size that serves requests as fast (some 70 MB), and the old
  // one to four times what is alive (some 120 MB). Both limits cost no rate that can be measured: bench/README.md.
  const args = [
    '--disable-warning=ExperimentalWarning',
    '--max-semi-space-size=16',
    '--heap-growing-percent=100',
    fileURLToPath(import.meta.url),
    ...process.argv.slice(2),
  ];
  const child = spawn(node, args, { stdio: 'inherit', env });
  // A terminal sends Ctrl-C to the whole group, so the child has it already; a supervisor signals only this process.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => fail(`Could not start Node at ${node}: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}

function fail(message) {
  process.stderr.write(`signet: ${message}\n`);
  process.exit(1);
}
