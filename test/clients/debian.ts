import { execFileSync } from 'node:child_process';
import type { Stock } from './record.ts';

/** A client that comes in Debian's packages; where one of them is missing it is skipped by name. The first gives the version. */
export function fromDebian(name: string, packages: readonly [string, ...string[]]): Stock {
  const versions = packages.map(versionOf);
  const missing = packages.filter((_, i) => versions[i] === undefined);
  return {
    name,
    version: `${versions[0] ?? '?'} (Debian)`,
    lacks: missing.length > 0 ? `not installed: ${missing.join(', ')}` : undefined,
  };
}

/** Without epoch and Debian's own revision, which security updates raise. */
function versionOf(name: string): string | undefined {
  try {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's own placeholders.
    const format = ['-W', '-f', '${db:Status-Status} ${Version}', name];
    const text = execFileSync('/usr/bin/dpkg-query', format, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return /^installed (?:\d+:)?([^-+]+)/.exec(text)?.[1];
  } catch {
    return undefined;
  }
}
