import fc from 'fast-check';
import { onEachEngine } from '../support/database.ts';
import { bearer } from '../support/http.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';

const odd = [
  ...[
    '',
    ' ',
    '.',
    '..',
    'polls',
    'polls.',
    '.add_choice',
    'polls.add_choice.x',
    'polls add_choice',
    'polls.add_choice\n',
  ],
  ...[
    'POLLS.ADD_CHOICE',
    'ｐｏｌｌｓ.add_choice',
    '__proto__',
    'constructor',
    'toString',
    "' or 1=1 --",
    '%',
    '*',
    '\u007f',
    '\ufffe',
  ],
  ...['polls.add_choice\u200b', '\ud83d\ude00'.repeat(255), 'x'.repeat(255), 'a\u0300'.repeat(127), '\u{10ffff}'],
];
/** Any text of 255 characters at most that PostgreSQL and JSON can hold. */
const anyText = fc.string({ unit: 'binary', maxLength: 255 }).filter((text) => !text.includes('\0'));

await onEachEngine(t, async (t, db) => {
  const { app, http, ...world } = await openWorld(db);
  t.teardown(() => app.close());
  await world.api('polls', { models: ['polls.choice'] });
  await world.user('plain');
  await world.user('root', { isSuperuser: true });
  const tokenOf = async (username: string) => (await http.logIn(username, { audience: 'polls' })).token;
  const ask = (token: string, perms: readonly string[], modules: readonly string[] = []) =>
    http.json('/api/v1/has_perm', { perms, modules }, bearer(token));

  for (const [username, answer] of [
    ['plain', false],
    ['root', true],
  ] as const) {
    const token = await tokenOf(username);
    await t.test(`Django has_perm, docs/login-api.md: ${username} is told ${answer} of any text`, async (t) => {
      for (const text of odd) {
        const response = await ask(token, [text], [text]);
        t.equal(response.statusCode, 200, JSON.stringify(text));
        t.same(Object.entries(response.json().results), [[text, answer]], JSON.stringify(text));
        t.same(Object.entries(response.json().modules), [[text, answer]], JSON.stringify(text));
      }
      await fc.assert(
        fc.asyncProperty(fc.array(anyText, { maxLength: 20 }), async (texts) => {
          const response = await ask(token, texts, texts);
          const { results, modules } = response.json();
          const isRight = (all: Record<string, boolean>) =>
            Object.keys(all).length === new Set(texts).size && texts.every((one) => all[one] === answer);
          return response.statusCode === 200 && isRight(results) && isRight(modules);
        }),
        { numRuns: 60, seed: 11 },
      );
    });
  }

  await t.test('docs/login-api.md: 256 characters are one too many, and NUL is no text', async (t) => {
    const token = await tokenOf('plain');
    t.equal((await ask(token, ['x'.repeat(256)])).statusCode, 422);
    t.equal((await ask(token, ['polls.add\0'])).statusCode, 400);
  });
});
