import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DUE, ROWS } from './rows.ts';

/** A section of a standard that some line of the product enforces, and the tests that hold it. */
export interface Section {
  /** `RFC 6749`, `OIDC Core`. */
  readonly standard: string;
  /** `4.1.2`. */
  readonly section: string;
  readonly files: readonly string[];
  readonly tests: readonly string[];
}

/** A requirement of `ROWS`, and the tests that name it. */
export interface Row {
  readonly id: string;
  readonly says: string;
  readonly tests: readonly string[];
}

/** `RFC 6749 §4.1.3`, `OIDC Core §3.1.3.3, §12.2`: comments of src cite them on the line that enforces them, titles of tests name them. */
const citation =
  /(RFC \d{4,5}|OIDC [A-Z][\w-]*(?: [A-Z][\w-]*)*|draft-[a-z-]*[a-z])(?:-\d+)?((?:(?:,| and| to)? §[\d.]*\d)+)/g;

/** What a test says of itself: the first argument of `t.test`. What is said inside of one, or in a comment, holds nothing. */
const title = /\.test\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g;

/** The texts of the files of a pattern, by their paths. */
function textsOf(root: string, pattern: string): Map<string, string> {
  const paths = globSync(pattern, { cwd: root }).sort();
  return new Map(paths.map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

function titlesOf(text: string): string {
  return [...text.matchAll(title)].map(([, single, double, template]) => single ?? double ?? template).join('\n');
}

const testTitles = (root: string) =>
  new Map([...textsOf(root, 'test/**/*.test.ts')].map(([path, text]) => [path, titlesOf(text)]));

/** `RFC 6749 §4.1.3` of a text, each once. */
function citationsOf(text: string): Set<string> {
  const found = [...text.replace(/\n\s*(?:\*|\/\/)\s*/g, ' ').matchAll(citation)].flatMap(([, standard, sections]) =>
    [...(sections as string).matchAll(/§([\d.]*\d)/g)].map(([, section]) => `${standard} §${section}`),
  );
  return new Set(found);
}

/** Every section that is enforced in `src`, by standard and number. A test of a section, or of one within it, holds it. */
export function citedSections(root: string): Section[] {
  const tested = [...testTitles(root)].map(([path, titles]) => ({ path, cited: [...citationsOf(titles)] }));
  const enforced = new Map<string, string[]>();
  for (const [path, text] of textsOf(root, 'src/**/*.ts'))
    for (const key of citationsOf(text)) enforced.set(key, [...(enforced.get(key) ?? []), path]);
  return [...enforced]
    .map(([key, files]) => {
      const [standard, section] = key.split(' §') as [string, string];
      const isHeldBy = (cited: readonly string[]) => cited.some((one) => one === key || one.startsWith(`${key}.`));
      const tests = tested.filter(({ cited }) => isHeldBy(cited)).map(({ path }) => path);
      return { standard, section, files, tests };
    })
    .sort((a, b) => a.standard.localeCompare(b.standard) || byNumber(a.section, b.section));
}

/** Every requirement, with the tests whose titles name it: `A4`, `T1 to T3` names T1 and T3 alone. */
export function namedRows(root: string): Row[] {
  const titles = [...testTitles(root)];
  return Object.entries(ROWS).map(([id, says]) => {
    const name = new RegExp(`(?<![\\w.-])${id}(?![\\w.-])`);
    return { id, says, tests: titles.filter(([, text]) => name.test(text)).map(([path]) => path) };
  });
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
export function standardsPage(sections: readonly Section[], rows: readonly Row[]): string {
  const standards = [...new Set(sections.map((one) => one.standard))];
  const tables = standards.map((standard) => {
    const lines = sections
      .filter((one) => one.standard === standard)
      .map(({ section, files, tests }) => `| §${section} | ${paths(files)} | ${paths(tests)} |`);
    return `## ${standard}\n| section | enforced in | tests |\n|---|---|---|\n${lines.join('\n')}\n`;
  });
  return `<!-- Made by \`npm run docs\`. Do not edit. -->
# Standards, section by section

Comments in \`src\` cite a section on the line that enforces it, and titles of tests cite the sections that they check. \`test/house/standards.test.ts\`
fails if a section is enforced without a test, or if no test names a requirement at the end of this page.

${tables.join('\n')}
## Requirements
Requirements across sections. Tests name a row by its id.

| row | requirement | tests |
|---|---|---|
${rows.map(({ id, says, tests }) => `| ${id} | ${says} | ${paths(tests)} |`).join('\n')}

## Planned
Not built, and not in the metadata.

| feature | waits for | until then |
|---|---|---|
${DUE.map(({ what, waitsFor, today }) => `| ${what} | ${waitsFor} | ${today} |`).join('\n')}
`;
}

function paths(files: readonly string[]): string {
  return files.map((one) => `\`${one.replace(/^(src|test)\//, '')}\``).join(', ');
}
