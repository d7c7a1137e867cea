import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { PAGE, pageOf, rowsOf } from './record.ts';

t.test('docs/compatibility.md is made of rows, and its clients are those that have a test', async (t) => {
  if (process.env['COMPATIBILITY'] === 'write') return;
  const page = readFileSync(PAGE, 'utf8');
  const rows = rowsOf(page);
  t.equal(page, pageOf(rows), 'nothing is written by hand');
  t.ok(rows.every((row) => row.result === 'passes'));
  const tested = globSync('*.test.ts', { cwd: import.meta.dirname }).flatMap((file) => {
    const text = readFileSync(join(import.meta.dirname, file), 'utf8');
    return [...text.matchAll(/\bfrom(?:Npm|Debian)\('([^']+)'/g)].map(([, name]) => name);
  });
  t.same([...new Set(rows.map((row) => row.client))].sort(), [...new Set(tested)].sort());
});
