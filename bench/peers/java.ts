import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Keycloak 26 runs on nothing older. */
export const OLDEST_JAVA = 21;

/** `JAVA_HOME`, or the newest of /usr/lib/jvm; undefined when none is new enough. */
export function javaHome(): string | undefined {
  const given = process.env['JAVA_HOME'];
  const base = '/usr/lib/jvm';
  const installed = existsSync(base) ? readdirSync(base).map((name) => join(base, name)) : [];
  const homes = [...(given ? [given] : []), ...installed.sort((a, b) => versionOf(b) - versionOf(a))];
  return homes.find((home) => versionOf(home) >= OLDEST_JAVA);
}

/** The first number of a JDK's `release` file; 0 where there is none. */
function versionOf(home: string): number {
  const path = join(home, 'release');
  return existsSync(path) ? Number(/^JAVA_VERSION="(\d+)/m.exec(readFileSync(path, 'utf8'))?.[1] ?? 0) : 0;
}
