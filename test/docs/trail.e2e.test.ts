import { globSync } from 'node:fs';
import { dirname } from 'node:path';
import { root } from '../support/database.ts';
import { findPython, NO_PYTHON } from '../support/python.ts';
import t, { type Test } from '../support/tap.ts';
import { codeBlocks, isTyped } from './pages.ts';
import { openReader } from './reader.ts';

t.setTimeout(900_000);

/** Programs: run as they stand, or said to be run elsewhere. */
const programs = ['js', 'ts', 'python', 'go', 'java'];

const pages = globSync(['docs/**/*.md'], { cwd: root }).sort();
const withCommands = pages.filter((page) =>
  codeBlocks(page).some((block) => (isTyped(block) || block.hasToken) && block.notRun === null),
);

/** What a page needs that is not everywhere. */
const missing = (page: string) => (page.endsWith('python.md') && !findPython() ? NO_PYTHON : false);

await t.test('every program that a page shows is run, or the page says why it is not', async (t) => {
  for (const page of ['README.md', ...pages])
    for (const block of codeBlocks(page))
      if (programs.includes(block.language)) t.ok(block.hasToken || block.notRun !== null, `${page}:${block.line}`);
});

async function readerWithToken(t: Test, start: { readonly folder: string }) {
  const reader = await openReader(t, start);
  const toBeCopied = await reader.startServer();
  t.equal((await reader.type(toBeCopied.split('\n')[0] as string)).code, 0);
  return reader;
}

await t.test('every command that the README and the pages of docs/ show, typed in their order', async (t) => {
  const first = await openReader(t);
  await t.test('the README holds from top to bottom, in one go', async (t) => {
    const toBeCopied = await first.startServer();
    t.match(toBeCopied, /^TOKEN=.*\necho \$TOKEN \| npx signet token inspect -$/, 'what the banner says to try');
    for (const line of toBeCopied.split('\n')) t.equal((await first.type(line)).code, 0, line);
    await first.readPage(t, 'README.md', false);
  });
  await first.stop();

  for (const [folder, some] of Object.entries(Object.groupBy(withCommands, dirname)))
    await t.test(`the pages of ${folder} hold, for a reader who comes from the README`, async (t) => {
      // A page of a library is a command or two: one reader tries them all.
      const shared = folder === 'docs/libraries' ? await readerWithToken(t, first) : null;
      for (const page of some ?? [])
        await t.test(`${page}, from top to bottom`, { skip: missing(page) }, async (t) => {
          const reader = shared ?? (await readerWithToken(t, first));
          await reader.readPage(t, page);
        });
    });
});
