import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from './report.ts';
import { root } from './workspace.ts';

const folder = 'bench/results';

/** The last run of this kind that was committed; git knows it even when today's file has been written over it. */
export function lastCommitted(what: string): Report | undefined {
  try {
    const names = git(['ls-tree', '--name-only', 'HEAD', `${folder}/`]).split('\n');
    const last = names
      .filter((name) => new RegExp(`/\\d{4}-\\d\\d-\\d\\d-${what}\\.json$`).test(name))
      .sort()
      .at(-1);
    return last === undefined ? undefined : JSON.parse(git(['show', `HEAD:${last}`]));
  } catch {
    // No repository, or nothing committed.
    return undefined;
  }
}

function git(words: string[]): string {
  return execFileSync('git', words, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

/** Writes the figures to bench/results and the tables into bench/README.md, between their marks. */
export function keep(report: Report, markdown: string, targets: string): string {
  const path = join(folder, `${report.at.slice(0, 10)}-${report.what}.json`);
  mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, path), `${JSON.stringify(report, null, 2)}\n`);
  installation(report.what, markdown);
  installation('targets', targets);
  return path;
}

/** Writes a table into bench/README.md, between its marks. */
export function installation(mark: string, markdown: string): void {
  const readme = join(root, 'bench/README.md');
  writeFileSync(readme, placed(readFileSync(readme, 'utf8'), mark, markdown));
}

function placed(text: string, mark: string, markdown: string): string {
  const [begin, end] = [`<!-- ${mark} -->`, `<!-- /${mark} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`bench/README.md has no installation for the table: ${begin} … ${end}`);
  return `${text.slice(0, from + begin.length)}\n${markdown}\n${text.slice(to)}`;
}
