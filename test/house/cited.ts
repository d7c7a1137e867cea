import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** A section of a standard that some line of the product enforces, and the tests that hold it. */
export interface Section {
  /** `RFC 6749`, `OIDC Core`. */
  readonly standard: string;
  /** `4.1.2`. */
  readonly section: string;
  readonly files: readonly string[];
  readonly tests: readonly string[];
}

/** `RFC 6749 §4.1.3`, `OIDC Core §3.1.3.3, §12.2`: comments of src cite them on the line that enforces them, titles of tests name them. */
const citation =
  /(RFC \d{4,5}|OIDC [A-Z][\w-]*(?: [A-Z][\w-]*)*|draft-[a-z-]*[a-z])(?:-\d+)?((?:(?:,| and| to)? §[\d.]*\d)+)/g;

function citationsIn(root: string, pattern: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const path of globSync(pattern, { cwd: root }).sort()) {
    const text = readFileSync(join(root, path), 'utf8').replace(/\n\s*(?:\*|\/\/)\s*/g, ' ');
    for (const [, standard, sections] of text.matchAll(citation))
      for (const [, section] of (sections as string).matchAll(/§([\d.]*\d)/g)) {
        const key = `${standard} §${section}`;
        found.set(key, (found.get(key) ?? new Set()).add(relative('.', path)));
      }
  }
  return found;
}

/** Every section that is enforced in `src`, by standard and number. A test of a section, or of one within it, holds it. */
export function citedSections(root: string): Section[] {
  const enforced = citationsIn(root, 'src/**/*.ts');
  const tested = citationsIn(root, 'test/**/*.test.ts');
  return [...enforced]
    .map(([key, files]) => {
      const [standard, section] = key.split(' §') as [string, string];
      const isHeld = (one: string) => one === key || one.startsWith(`${key}.`);
      const tests = [...tested].filter(([one]) => isHeld(one)).flatMap(([, paths]) => [...paths]);
      return { standard, section, files: [...files], tests: [...new Set(tests)].sort() };
    })
    .sort((a, b) => a.standard.localeCompare(b.standard) || byNumber(a.section, b.section));
}

function byNumber(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const difference = (left[at] ?? -1) - (right[at] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** docs/standards.md. */
export function standardsPage(sections: readonly Section[]): string {
  const standards = [...new Set(sections.map((one) => one.standard))];
  const tables = standards.map((standard) => {
    const rows = sections
      .filter((one) => one.standard === standard)
      .map(({ section, files, tests }) => `| §${section} | ${paths(files)} | ${paths(tests)} |`);
    return `## ${standard}\n| section | enforced in | held by |\n|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `# Standards, section by section

Made by \`npm run docs\` from the comments of \`src\`, which cite a section on the line that enforces it, and from the tests that name it. A section
that is enforced and has no test fails \`test/house/standards.test.ts\`.

${tables.join('\n')}`;
}

function paths(files: readonly string[]): string {
  return files.map((one) => `\`${one.replace(/^(src|test)\//, '')}\``).join(', ');
}
