import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PKCE_SETTINGS } from '../../src/oauth/client-settings/index.ts';
import t from '../support/tap.ts';
import { RELYING_PARTIES, VALIDATORS } from './libraries.ts';
import { PAGE, pageOf, rowsOf } from './record.ts';

t.test('docs/compatibility.md is made of rows, and its clients are those that have a test', async (t) => {
  if (process.env['COMPATIBILITY'] === 'write') return;
  const page = readFileSync(PAGE, 'utf8');
  const rows = rowsOf(page);
  t.equal(page, pageOf(rows), 'nothing is written by hand');
  t.ok(rows.every((row) => row.result === 'passes'));
  const tested = globSync('*.e2e.test.ts', { cwd: import.meta.dirname }).flatMap((file) => {
    const text = readFileSync(join(import.meta.dirname, file), 'utf8');
    return [...text.matchAll(/\bfrom(?:Npm|Debian)\('([^']+)'/g)].map(([, name]) => name);
  });
  t.same([...new Set(rows.map((row) => row.client))].sort(), [...new Set(tested)].sort());
});

t.test('docs/compatibility.md: a library is run by a test, or it has a version and a date', async (t) => {
  const clients = new Set(rowsOf(readFileSync(PAGE, 'utf8')).map((row) => row.client));
  const runs = RELYING_PARTIES.filter((one) => one.version === undefined).map((one) => one.library);
  t.same(
    runs.filter((one) => !clients.has(one)),
    [],
    'who has no version has rows',
  );
  for (const { library, version, test } of VALIDATORS) {
    const isRun = test !== undefined && existsSync(join(import.meta.dirname, `../validators/${test}.e2e.test.ts`));
    t.ok(isRun || version, library);
  }
  // The log and `client create` name settings that stand here too.
  const settings = RELYING_PARTIES.map((one) => `${one.library} ${one.settings}`).join('\n');
  for (const { library, setting } of PKCE_SETTINGS) {
    t.match(settings, library, library);
    t.ok(settings.includes(setting), setting);
  }
});
