import { globSync } from 'node:fs';
import t from 'tap';
import { root } from '../support/database.ts';
import { findPython, NO_PYTHON } from '../support/python.ts';
import { blocksOf, isTyped } from './pages.ts';
import { openReader } from './reader.ts';

t.setTimeout(900_000);

/** Programs: run as they stand, or said to be run elsewhere. */
const programs = ['js', 'ts', 'python', 'go', 'java'];

const pages = globSync(['docs/*.md', 'docs/guides/*.md', 'docs/decisions/*.md'], { cwd: root }).sort();
const withCommands = pages.filter((page) =>
  blocksOf(page).some((block) => (isTyped(block) || block.hasToken) && block.notRun === null),
);

/** What a page needs that is not everywhere. */
const missing = (page: string) => (page.endsWith('python.md') && !findPython() ? NO_PYTHON : false);

await t.test('every program that a page shows is run, or the page says why it is not', async (t) => {
  for (const page of ['README.md', ...pages])
    for (const block of blocksOf(page))
      if (programs.includes(block.language)) t.ok(block.hasToken || block.notRun !== null, `${page}:${block.line}`);
});

await t.test('every command that the README and the pages of docs/ show, typed in their order', async (t) => {
  const first = await openReader(t);
  await t.test('the README holds from top to bottom, in one go', async (t) => {
    const toBeCopied = await first.startServer();
    t.match(toBeCopied, /^TOKEN=.*\necho \$TOKEN \| npx signet token inspect -$/, 'what the banner says to try');
    for (const line of toBeCopied.split('\n')) t.equal((await first.type(line)).code, 0, line);
    await first.readPage(t, 'README.md', false);
  });
  await first.stop();

  for (const page of withCommands)
    await t.test(
      `${page} holds from top to bottom, for a reader who comes from the README`,
      { skip: missing(page) },
      async (t) => {
        const reader = await openReader(t, first);
        const toBeCopied = await reader.startServer();
        t.equal((await reader.type(toBeCopied.split('\n')[0] as string)).code, 0);
        await reader.readPage(t, page);
      },
    );
});
