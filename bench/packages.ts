import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { say } from './workspace.ts';

const folder = import.meta.dirname;

/** The load generator and the peers are packages of the bench's own lockfile; the first run installs them. */
export function installPackages(): void {
  const pinned: Record<string, string> = read('package.json')['dependencies'];
  if (Object.entries(pinned).every(([name, version]) => installed(name) === version)) return;
  say('installing the load generator and the peers (npm ci in bench/)…');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error('npm ci in bench/ failed. Is the registry reachable? Only the bench needs it.');
}

function installed(name: string): string | undefined {
  const path = join('node_modules', name, 'package.json');
  return existsSync(join(folder, path)) ? read(path)['version'] : undefined;
}

function read(path: string) {
  return JSON.parse(readFileSync(join(folder, path), 'utf8'));
}
