import { languages } from '../../src/cli/codegen/write.ts';
import type { Option } from '../../src/cli/command.ts';
import { allOptions, commands, sections } from '../../src/cli/commands.ts';
import { parseArgs } from '../../src/cli/parse.ts';
import { optionHelp, optionName, usage } from '../../src/cli/usage.ts';
import { clientSettings, grantNames, presets } from '../../src/oauth/client-settings/index.ts';
import { apiSettingTable } from '../../src/permissions/api-settings/index.ts';
import t from '../support/tap.ts';
import { split } from './harness.ts';

async function textOf(words: string): Promise<string> {
  const parsed = await parseArgs(split(words));
  if (parsed.kind !== 'text') throw new Error(`${words} is a call`);
  return parsed.text;
}

const lines = (page: string) => page.split('\n').map((line) => line.replace(/ {2,}/g, '  '));

/** The option of a command. */
function option(command: string, name: string): Option {
  const found = commands.find((one) => one.name === command)?.options?.[name];
  if (!found) throw new Error(`${command} has no option --${name}`);
  return found;
}

t.test('docs/commands.md: --help of a command explains each argument and each option in one line', async (t) => {
  for (const command of commands) {
    const page = await textOf(`${command.name} --help`);
    t.ok(page.startsWith(`${command.summary}.\n`), command.name);
    t.match(command.summary, /^[A-Z].*[^.]$/, command.name);
    t.ok(page.includes(`\nUsage: npx signet ${usage(command)}\n`), command.name);
    for (const { name, help } of command.args ?? []) {
      t.match(help, /^\S.{3,}[^.]$/, `${command.name} ${name}`);
      t.ok(lines(page).includes(`  ${name}  ${help}`), `${command.name} ${name}`);
    }
    for (const [name, one] of Object.entries(allOptions(command))) {
      t.match(one.help, /^[A-Z].{4,}[^.]$/, `${command.name} --${name}`);
      t.ok(lines(page).includes(`  ${optionName(name, one)}  ${optionHelp(one)}`), `${command.name} --${name}`);
    }
  }
});

/** Options that take a value and have no default: without them nothing is named, or nothing is changed. */
const WITHOUT_DEFAULT = /^(user|user-id|group|client|username-field|renames|ignore-app|revoke)$/;

t.test('docs/commands.md: --help names the default of each option that has one', async (t) => {
  for (const command of commands) {
    const isUpdate = command.name.endsWith(' update');
    for (const [name, one] of Object.entries(command.options ?? {})) {
      const hasNone = one.kind === 'toggle' || one.isRequired || WITHOUT_DEFAULT.test(name) || isUpdate;
      t.equal(one.default === undefined, hasNone, `${command.name} --${name}`);
      if (one.default !== undefined) t.match(optionHelp(one), `default: ${one.default}`, `${command.name} --${name}`);
      if (one.isRequired) t.match(optionHelp(one), /\(required\)$/, `${command.name} --${name}`);
    }
  }
});

t.test('docs/commands.md: --help of a command has an example, which is a call of this command', async (t) => {
  for (const command of commands) {
    const page = await textOf(`${command.name} --help`);
    for (const example of command.examples) {
      t.ok(page.includes(`\n  ${example}`), example);
      // The words of the shell around the call: a pipe, a redirection, a substitution.
      const [, call = ''] = /npx signet ([^|<>)]*)/.exec(example) ?? [];
      const parsed = await parseArgs(split(call));
      t.match(parsed, { kind: 'call', command: { name: command.name } }, example);
    }
  }
});

t.test('docs/commands.md: a usage line names every option, or leads to --help', async (t) => {
  for (const command of commands) {
    const line = usage(command);
    t.ok(line.startsWith(command.name), command.name);
    if (line.endsWith('[option…]')) continue;
    for (const name of Object.keys(command.options ?? {})) t.match(line, new RegExp(`--${name}\\b`), command.name);
    for (const { name } of command.args ?? []) t.ok(line.includes(name), command.name);
  }
});

t.test('docs/commands.md: --help lists the commands, and that of a noun its commands', async (t) => {
  const page = await textOf('--help');
  t.same(page, await textOf('help'));
  t.same(page, ((await parseArgs([])) as { text: string }).text);
  for (const { name, summary } of commands) t.ok(lines(page).includes(`  ${name}  ${summary}`), name);
  t.match(page, /Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 conflict, 5 cannot connect\./);
  for (const { noun, title, commands: listed } of sections) {
    t.ok(page.includes(`\n${title}:\n`), title);
    if (noun === undefined) continue;
    const nounPage = await textOf(`${noun} --help`);
    for (const { name, summary } of listed) {
      t.ok(name.startsWith(`${noun} `), name);
      t.ok(lines(nounPage).includes(`  ${name}  ${summary}`), name);
    }
  }
  t.equal(await textOf('help user create'), await textOf('user create --help'));
  t.equal(await textOf('user create bob --no-such -h'), await textOf('user create --help'));
  t.match(await textOf('--version'), /^\d+\.\d+\.\d+$/);
});

t.test('docs/commands.md: --help takes --json', async (t) => {
  const names = commands.map(({ name }) => name);
  t.match(await parseArgs(['--help', '--json']), { isJson: true, data: names });
  t.match(await parseArgs(['--json']), { isJson: true, data: names });
  t.match(await parseArgs(['--version', '--json']), { isJson: true, data: { version: /./ } });
  t.match(await parseArgs(split('token --help')), { data: ['token issue', 'token inspect', 'token verify'] });
  t.match(await parseArgs(split('user show --help')), {
    data: { name: 'user show', usage: 'user show (NAME | --user-id ID)' },
  });
});

t.test('docs/clients.md: the values and the defaults in help are those of the rooms below', async (t) => {
  const values = (command: string, name: string) => {
    const found = option(command, name);
    return found.kind === 'choice' ? found.values : null;
  };
  t.same(values('api create', 'typ'), apiSettingTable.typ.choices);
  t.same(values('api create', 'catalogue'), ['public', 'authenticated']);
  t.equal(option('api create', 'ttl').default, '600');
  t.same(values('api constants', 'lang'), languages);
  t.same([...(values('client create', 'preset') ?? [])].sort(), Object.keys(presets).sort());
  t.same(values('client create', 'pkce'), ['on', 'if-sent', 'off']);
  t.same(values('client create', 'assertion-alg'), ['ES256', 'PS256', 'RS256', 'EdDSA', 'none']);
  t.match(option('client create', 'grant'), { kind: 'list', proposals: Object.keys(grantNames) });
  const defaults = clientSettings({ settings: {} });
  const onOff = (value: boolean) => (value ? 'on' : 'off');
  for (const [name, value] of Object.entries({
    pkce: defaults.pkce,
    'require-par': onOff(defaults.requirePushed),
    dpop: onOff(defaults.dpopBound),
    consent: defaults.askConsent ? 'ask' : 'skip',
    'id-token-alg': defaults.idTokenAlg,
    'userinfo-alg': defaults.userinfoAlg ?? 'none',
    'permissions-in': defaults.permissionsIn,
    'assertion-audience': defaults.assertionAudience,
    'refresh-rotation': onOff(defaults.refreshRotation),
  }))
    t.equal(option('client create', name).default, value, name);
});
