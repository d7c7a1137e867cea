import type { Input } from '../../src/cli/command.ts';
import { parseArgs } from '../../src/cli/parse.ts';
import { Failure } from '../../src/platform/errors.ts';
import t, { type Test } from '../support/tap.ts';
import { split } from './harness.ts';

/** What a command gets for these words. */
async function call(...words: string[]): Promise<{ name: string; isJson: boolean; input: Input }> {
  const parsed = await parseArgs(words);
  if (parsed.kind !== 'call') throw new Error('that is no call');
  return { name: parsed.command.name, isJson: parsed.isJson, input: parsed.input };
}

async function refused(t: Test, words: readonly string[], problem: RegExp): Promise<void> {
  const error = await call(...words).then(
    () => null,
    (error: unknown) => error,
  );
  t.type(error, Failure, words.join(' '));
  t.match(error, { kind: 'usage', message: problem }, words.join(' '));
}

t.test(
  'docs/commands.md: a command gets its arguments, options and lists in the shape of the control socket',
  async (t) => {
    t.same(await call('user', 'list', '--after', 'bob', '--limit=5'), {
      name: 'user list',
      isJson: false,
      input: { positionals: [], options: { after: 'bob', limit: '5' }, stdin: null, file: null },
    });
    t.same(
      (await call(...split('client create Shop --preset web --api a --redirect-uri b --api c --first-party'))).input,
      {
        positionals: ['Shop'],
        options: { preset: 'web', api: ['a', 'c'], 'redirect-uri': ['b'], 'first-party': true },
        stdin: null,
        file: null,
      },
    );
    t.same((await call('group', 'add', 'Zoo', 'bob', '--user-id', '1', 'eve', '--user-id', '2')).input, {
      positionals: ['Zoo', 'bob', 'eve'],
      options: { 'user-id': ['1', '2'] },
      stdin: null,
      file: null,
    });
    t.same((await call('api', 'sync', '-')).input.positionals, ['-']);
    t.same((await call('client', 'update', 'x', '--jwks', '-')).input.options, { jwks: '-' });
  },
);

t.test('docs/commands.md: options can be anywhere, also before and within the name of the command', async (t) => {
  for (const words of ['--json user list', 'user --json list', 'user list --json'])
    t.same(await call(...split(words)), {
      name: 'user list',
      isJson: true,
      input: { positionals: [], options: { json: true }, stdin: null, file: null },
    });
  t.match(await call(...split('--yes user delete bob')), {
    name: 'user delete',
    input: { positionals: ['bob'], options: { yes: true } },
  });
  t.match((await call(...split('perm grant --api polls p.a --user bob p.b'))).input, {
    positionals: ['p.a', 'p.b'],
    options: { api: 'polls', user: 'bob' },
  });
});

t.test('docs/commands.md: if an option is used twice, the last use counts; a list keeps all', async (t) => {
  t.same((await call(...split('user list --limit 1 --limit 2'))).input.options, { limit: '2' });
  t.same((await call(...split('user update bob --staff on --staff=off'))).input.options, { staff: 'off' });
  t.same((await call(...split('user delete bob --yes --yes --json --json'))).input.options, { yes: true, json: true });
});

t.test(
  'docs/commands.md: a value that begins with - is written --option=-value, and -- ends the options',
  async (t) => {
    t.same((await call('user', 'list', '--after=-x', '--limit=--json')).input.options, {
      after: '-x',
      limit: '--json',
    });
    t.same((await call('user', 'list', '--after=-h')).input.options, { after: '-h' });
    t.same((await call('user', 'list', '--after=--', '--limit=a=b')).input.options, { after: '--', limit: 'a=b' });
    await refused(t, ['user', 'list', '--after', '-x'], /^--after needs a value, .* write --after=-x\.\nUsage: /);
    await refused(t, ['user', 'list', '--after', '--limit', '5'], /^--after needs a value, but "--limit" looks like/);
    await refused(t, ['user', 'list', '--after', '--json', 'x'], /^--after needs a value, but "--json" looks like/);
    await refused(t, ['user', 'list', '--after'], /^--after needs a value\.\nUsage: npx signet user list/);
    t.same((await call('user', 'show', '--json', '--', '--json')).input, {
      positionals: ['--json'],
      options: { json: true },
      stdin: null,
      file: null,
    });
    t.same((await call('user', 'show', '--', '-5')).input.positionals, ['-5']);
    t.equal((await call('user', 'show', '--', '--help')).name, 'user show');
    t.equal((await call('user', 'show', '--', '--json')).isJson, false);
  },
);

t.test('docs/commands.md: a value is not changed', async (t) => {
  for (const value of ['', ' ', 'a\nb', '-a\nb', '=', 'ünï', "it's", '\u2028', '-\u2028', '-1'])
    for (const words of [[`--first-name=${value}`], ...(/^-./s.test(value) ? [] : [['--first-name', value]])])
      t.same((await call('user', 'update', 'bob', ...words)).input.options, { 'first-name': value }, words.join(' '));
  t.same((await call('perm', 'holders', '--api', 'a', '')).input.positionals, ['']);
});

t.test('docs/commands.md: an option that a command does not have is exit 2, however it is spelled', async (t) => {
  for (const word of ['--x', '-x', '-5', '-yx', '--no-such', '--no-such=1', '--ümlaut', '--1', '---', '--Yes', '-x=1'])
    await refused(t, ['perm', 'grant', '--user', 'a', '--api', 'b', 'p.q', word], /^There is no option -/);
  for (const name of ['constructor', 'toString', 'hasOwnProperty', '__proto__', 'version', 'no-json', 'noJson']) {
    await refused(t, ['user', 'list', `--${name}`, 'x'], new RegExp(`^There is no option --${name}\\b`));
    await refused(t, ['user', 'list', `--${name}=x`], new RegExp(`^There is no option --${name}\\b`));
    await refused(t, [name], new RegExp(`^There is no command "${name}"`));
    await refused(t, ['user', name], new RegExp(`^There is no command "user ${name}"`));
    if (name !== 'version') await refused(t, [`--${name}`], /^The command is missing\./);
  }
  await refused(t, split('user delete bob --yes=no'), /^--yes takes no value\.\n/);
  await refused(t, split('user delete bob --yes=true'), /^--yes takes no value\.\n/);
  await refused(t, split('user update bob --staff=true'), /^--staff takes on or off, not "true"\.\n/);
  await refused(t, split('user list --afetr x'), /^There is no option --afetr\. Did you mean --after\?\n/);
  await refused(t, split('--json --nonsense'), /^The command is missing\./);
});

t.test('docs/commands.md: too few and too many arguments are exit 2, and the message names the argument', async (t) => {
  await refused(t, split('user create'), /^NAME is missing\.\nUsage: npx signet user create NAME /);
  await refused(t, split('user create a b'), /^"b" is one argument too many\.\n/);
  await refused(t, split('user show'), /^NAME is missing\.\nUsage: npx signet user show \(NAME \| --user-id ID\)$/);
  await refused(
    t,
    split('user show bob --user-id 1'),
    /^"bob" is one argument too many, because --user-id replaces NAME\./,
  );
  await refused(t, split('user rename bob'), /^NEW is missing\.\n/);
  await refused(t, split('user rename --user-id 1'), /^NEW is missing\.\n/);
  t.same((await call(...split('user rename --user-id 1 eve'))).input.positionals, ['eve']);
  await refused(t, split('group add'), /^NAME is missing\.\n/);
  await refused(t, split('group add Zoo'), /^USER is missing\.\n/);
  await refused(t, split('group add --user-id 1'), /^NAME is missing\.\n/);
  t.same((await call(...split('group add Zoo --user-id 1'))).input.positionals, ['Zoo']);
  await refused(t, split('perm grant --api a --user b'), /^PERM is missing\.\n/);
  await refused(t, split('perm grant p.q --user b'), /^--api is missing\.\n/);
  await refused(t, split('api constants'), /^--lang is missing\.\nUsage: /);
  await refused(t, split('api constants --lang ts'), /^AUDIENCE is missing\.\nUsage: /);
  await refused(t, split('client allow --api a'), /^ID is missing\.\n/);
  t.same((await call(...split('client allow x --api a --all'))).input.positionals, ['x']);
  t.same((await call(...split('session list'))).input.positionals, []);
  await refused(t, split('session list a b'), /^"b" is one argument too many\.\n/);
  await refused(t, split('health now'), /^"now" is one argument too many\.\nUsage: npx signet health$/);
});
