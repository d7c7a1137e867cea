import { complete } from '../../src/cli/app.ts';
import { languages } from '../../src/cli/codegen/write.ts';
import type { Command, Option } from '../../src/cli/command.ts';
import { commands, nouns } from '../../src/cli/commands.ts';
import { parseWords } from '../../src/cli/parse.ts';
import { usageText } from '../../src/cli/usage.ts';
import { CLIENT_JWS_ALGS, grantNames, PKCE_RULES, presets } from '../../src/oauth/index.ts';
import { settingValues } from '../../src/permissions/index.ts';
import t from '../support/tap.ts';
import { split } from './harness.ts';

async function textOf(words: string): Promise<string> {
  const parsed = await parseWords(split(words));
  if (parsed.kind !== 'text') throw new Error(`${words} is a call`);
  return parsed.text;
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

t.test('docs/commands.md: --help of a command explains each argument and each option', async (t) => {
  for (const command of commands) {
    const page = await textOf(`${command.name} --help`);
    t.ok(page.startsWith(`Usage\n  ${`npx signet ${command.name} ${usageText(command)}`.trimEnd()}\n`), command.name);
    t.ok(page.includes(`\n${command.summary}\n`), command.name);
    for (const { name, help } of command.args ?? []) {
      t.match(help, /^\S.{3,}\S$/, `${command.name} ${name}`);
      t.match(page, new RegExp(`\\n  .*${escaped(name)}.*${escaped(help)}`), `${command.name} ${name}`);
    }
    for (const [name, { help }] of Object.entries(command.options ?? {})) {
      t.match(help, /^[A-Z]\S.{3,}[^.]$/, `${command.name} --${name}`);
      t.match(page, new RegExp(`\\n  .*--${name}\\b.* ${escaped(help)}`), `${command.name} --${name}`);
    }
    t.match(page, /\n {2}.*--json\b.* Print one JSON document/, command.name);
  }
});

t.test('docs/commands.md: a usage line names every option, or leads to --help', async (t) => {
  for (const command of commands) {
    const usage = usageText(command);
    if (usage.endsWith('[option…]')) continue;
    for (const name of Object.keys(command.options ?? {})) t.match(usage, new RegExp(`--${name}\\b`), command.name);
    for (const { name } of command.args ?? []) t.ok(usage.includes(name), command.name);
  }
});

t.test('docs/commands.md: --help shows the commands, and that of a noun its verbs', async (t) => {
  const page = await textOf('--help');
  t.same(page, await textOf('help'));
  t.same(page, ((await parseWords([])) as { text: string }).text);
  for (const { name, summary } of commands)
    if (!name.includes(' ')) t.match(page, new RegExp(`\\n  ${name} +${escaped(summary)}`), name);
  t.match(page, /Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 conflict, 5 cannot connect\./);
  for (const [noun, help] of Object.entries(nouns)) {
    t.match(page, new RegExp(`\\n  ${noun} +${escaped(help)}`), noun);
    const nounPage = await textOf(`${noun} --help`);
    for (const one of commands.filter(({ name }) => name.startsWith(`${noun} `))) {
      t.ok(nounPage.includes(`\n  ${`npx signet ${one.name} ${usageText(one)}`.trimEnd()}\n`), one.name);
      t.match(nounPage, new RegExp(`\\n  ${one.name.slice(noun.length + 1)} +${escaped(one.summary)}`), one.name);
    }
  }
  t.equal(await textOf('help user create'), await textOf('user create --help'));
  t.equal(await textOf('user create bob --no-such -h'), await textOf('user create --help'));
  t.match(await textOf('--version'), /^\d+\.\d+\.\d+$/);
  const names = commands.map(({ name }) => name);
  t.match(await parseWords(['--help', '--json']), { isJson: true, data: names });
  t.match(await parseWords(['--json']), { isJson: true, data: names });
  t.match(await parseWords(['--version', '--json']), { isJson: true, data: { version: /./ } });
  t.match(await parseWords(split('token --help')), { data: ['token issue', 'token inspect', 'token verify'] });
  t.match(await parseWords(split('user show --help')), { data: { name: 'user show', usage: '(NAME | --user-id ID)' } });
});

t.test('docs/glossary.md: the values of an option are those of the rooms below', async (t) => {
  const option = (command: string, name: string) =>
    (commands.find((one) => one.name === command) as Command).options?.[name] as Option;
  const values = (command: string, name: string) => {
    const found = option(command, name);
    return found.kind === 'choice' ? found.values : null;
  };
  for (const [name, setting] of [
    ['typ', 'typ'],
    ['alg', 'alg'],
    ['format', 'format'],
    ['token', 'token'],
    ['over-budget', 'overBudget'],
    ['catalogue', 'catalogue'],
  ] as const)
    t.same(values('api create', name), settingValues[setting], name);
  t.same(values('api constants', 'lang'), languages);
  t.same([...(values('client create', 'preset') ?? [])].sort(), Object.keys(presets).sort());
  t.same(values('client create', 'pkce'), PKCE_RULES);
  t.same(values('client create', 'assertion-alg'), [...CLIENT_JWS_ALGS, 'none']);
  t.match(option('client create', 'grant'), { kind: 'list', proposals: Object.keys(grantNames) });
});

t.test('docs/commands.md: completion proposes nouns, verbs, options and values', async (t) => {
  const words = async (...typed: string[]) => (await complete(typed)).map(({ word }) => word);
  t.same(await words('us'), ['user']);
  t.same((await words('')).sort(), [...new Set(commands.map(({ name }) => name.split(' ')[0]))].sort());
  t.same(await words('user', 're'), ['rename']);
  t.same(await words('--json', 'user', 'rename', 'x', '--u'), ['--user-id']);
  t.same(await words('user', 'update', 'bob', '--st'), ['--staff']);
  t.same(await words('user', 'update', 'bob', '--staff', ''), ['on', 'off']);
  t.same(await words('api', 'create', 'x', '--format', 'b'), ['bitmap']);
  t.same(await words('client', 'create', 'x', '--grant', 'dev'), ['device']);
  t.same(await words('completion', ''), ['bash', 'zsh', 'fish']);
  t.same(await words('client', 'create', 'x', '--api', 'a', '--ap'), ['--api'], 'a list goes on');
  t.same(await words('user', 'list', '--limit', '5', '--li'), [], 'what has its value is not proposed again');
  t.ok((await words('user', 'list', '-')).includes('--json'));
  t.same(await words('api', 'sync', ''), [], 'nothing where a file stands: the shell knows files');
  t.same(await words('nonsense', ''), []);
  t.same(await words('user', 'list', '--nonsense', ''), []);
  t.match(await complete(['user', 'show', '--user']), [{ word: '--user-id', help: /^ID: Id of the user/ }]);
});
