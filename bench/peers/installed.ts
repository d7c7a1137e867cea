import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

// Peers that are no npm packages. `npm run bench:peers` puts them here, outside the repository; a run uses what it finds.

export const optionalNames = ['django', 'hydra', 'keycloak'] as const;
export type OptionalName = (typeof optionalNames)[number];

/** `BENCH_PEERS_DIR`, or a folder of the user's cache. */
export function peersFolder(): string {
  const given = process.env['BENCH_PEERS_DIR'];
  return given || join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'signet-bench');
}

export function folderOf(name: OptionalName): string {
  return join(peersFolder(), name);
}

/** What an installation leaves behind: what it was made of, or why there is none. */
export const stampOf = (name: OptionalName) => join(folderOf(name), 'installed.json');

export interface Stamp {
  /** A digest of the files of the repository that it was made of. */
  readonly made?: string;
  readonly failed?: string;
}

/** Why a peer cannot take part; undefined when it can. */
export function absenceOf(name: OptionalName, made: string): string | undefined {
  const path = stampOf(name);
  if (!existsSync(path)) return `it is not installed (npm run bench:peers -- ${name})`;
  const stamp: Stamp = JSON.parse(readFileSync(path, 'utf8'));
  if (stamp.failed !== undefined) return `its installation failed: ${stamp.failed}`;
  if (stamp.made !== made) return `another version is installed (npm run bench:peers -- ${name})`;
  return undefined;
}
