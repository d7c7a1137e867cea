import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/database.ts';
import t from '../support/tap.ts';
import { citedSections, namedRows, standardsPage } from './cited.ts';

const sections = citedSections(root);
const rows = namedRows(root);

t.test('every section of a standard that is enforced in src has a test that names it', async (t) => {
  t.ok(sections.length > 100);
  const untested = sections
    .filter((one) => one.tests.length === 0)
    .map(({ standard, section, files }) => `${standard} §${section} (${files.join(', ')})`);
  t.same(untested, [], 'name the section in the title of the test that holds it');
});

t.test('every requirement has a test that names it', async (t) => {
  const unnamed = rows.filter((one) => one.tests.length === 0).map((one) => one.id);
  t.same(unnamed, [], 'name the row in the title of the test that holds it');
});

t.test('docs/standards.md is what the code says: npm run docs', async (t) => {
  t.equal(readFileSync(join(root, 'docs/standards.md'), 'utf8'), standardsPage(sections, rows));
});
