import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Language, writeConstants } from '../../src/cli/codegen/write.ts';
import { openTestEmbedded } from '../support/database.ts';
import t from '../support/tap.ts';
import { tsc } from '../support/tsc.ts';
import { openCliHarness } from './harness.ts';

/** Names that are hard for some language, and two that become one. */
const names = [
  'polls.add_choice',
  'polls.addChoice',
  'polls.add-choice',
  'polls.2nd_vote',
  'polls.class',
  'polls.None',
  'polls.__proto__',
  'polls.é',
  'polls.\u{1f600}',
  'polls.quote"and\\u0022back\\',
  'polls.*/',
  'none.view',
  'true.constructor',
  'string.add',
  'polls_site_permissions.add',
  'auth.add_user',
];
const catalogue = {
  audience: 'https://polls.site/\\u000a*/',
  version: 7,
  hash: 'x'.repeat(43),
  permissions: names.map((name, place) => ({ index: place * 3, name })),
};

const folder = mkdtempSync(join(tmpdir(), 'signet-constants-'));
const write = (name: string, text: string) => {
  writeFileSync(join(folder, name), `${text}\n`);
  return join(folder, name);
};
const run = (command: string, ...words: string[]) =>
  spawnSync(command, words, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, GOFLAGS: '-mod=mod', GOCACHE: join(folder, '.go'), GO111MODULE: 'on' },
  });
const without = (...probe: [string, ...string[]]) => (run(...probe).status === 0 ? false : `${probe[0]} is not here`);
const source = (language: Language) => writeConstants(catalogue, language);
const sorted = (output: string) =>
  output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as string)
    .sort();
const expected = names.toSorted();

t.test(
  'docs/commands.md: the same catalogue gives the same constants, and a later permission takes no name',
  async (t) => {
    for (const language of ['ts', 'python', 'go', 'java'] as const) {
      t.equal(source(language), source(language), language);
      t.match(source(language), /catalogue version 7, hash x{43}\n/);
      const more = { ...catalogue, permissions: [...catalogue.permissions, { index: 99, name: 'polls.add choice' }] };
      const lines = new Set(
        writeConstants(more, language)
          .split('\n')
          .map((line) => line.replaceAll(/ +/g, ' ')),
      );
      const lost = source(language)
        .split('\n')
        .map((line) => line.replaceAll(/ +/g, ' '))
        .filter((line) => !lines.has(line));
      t.same(lost, [], `${language}: nothing is renamed`);
    }
    t.match(
      source('ts'),
      'export const Polls = {\n  addChoice: "polls.add_choice",\n  addChoice_3: "polls.addChoice",',
    );
  },
);

t.test('docs/commands.md: constants for TypeScript are typed and equal the catalogue', async (t) => {
  const file = write(
    'constants.ts',
    `${source('ts')}\nconst one: Permission = Polls.addChoice;\nconst two: PollsPermission = one as PollsPermission;\nvoid two;\n// @ts-expect-error no permission\nexport const three: Permission = 'polls.fly';`,
  );
  const checked = run(tsc, '--strict', '--noEmit', '--target', 'es2022', '--types', '', file);
  t.equal(checked.status, 0, checked.stdout + checked.stderr);
  const module = (await import(file)) as Record<string, unknown>;
  const values = Object.values(module).flatMap((one) => (typeof one === 'object' ? Object.values(one as object) : []));
  t.same(values.toSorted(), expected);
});

t.test(
  'docs/commands.md: constants for Python equal the catalogue',
  { skip: without('/usr/bin/python3', '--version') },
  async (t) => {
    write('constants.py', source('python'));
    const program =
      'import json, constants\nfor c in vars(constants).values():\n  if isinstance(c, type):\n    for k, v in vars(c).items():\n      if not k.startswith("__"): print(json.dumps(v))';
    const { stdout, stderr, status } = run('/usr/bin/python3', '-c', program);
    t.equal(status, 0, stderr);
    t.same(sorted(stdout), expected);
  },
);

t.test(
  'docs/commands.md: constants for Go are typed and equal the catalogue',
  { skip: without('go', 'version') },
  async (t) => {
    const text = source('go').replace('package permissions', 'package main');
    const constants = [...text.matchAll(/^\t(\w+) +Permission = /gm)].map(([, name]) => name as string);
    t.equal(constants.length, names.length);
    const prints = constants.map((name) => `\tshow(${name})`).join('\n');
    write('constants.go', text);
    write(
      'main.go',
      `package main\n\nimport (\n\t"encoding/json"\n\t"os"\n)\n\nfunc show(p Permission) { _ = json.NewEncoder(os.Stdout).Encode(string(p)) }\n\nfunc main() {\n${prints}\n}`,
    );
    write('go.mod', 'module constants\n\ngo 1.18');
    const { stdout, stderr, status } = run('go', 'run', '.');
    t.equal(status, 0, stderr);
    t.same(sorted(stdout), expected);
    t.equal(run('gofmt', '-l', 'constants.go').stdout.trim(), '', 'as gofmt writes it');
  },
);

t.test(
  'docs/commands.md: constants for Java equal the catalogue',
  { skip: without('javac', '-version') },
  async (t) => {
    const text = source('java');
    const outer = /public final class (\w+)/.exec(text)?.[1] as string;
    write(`${outer}.java`, text);
    write(
      'Show.java',
      `public class Show { public static void main(String[] a) throws Exception { for (Class<?> c : ${outer}.class.getDeclaredClasses()) for (var f : c.getDeclaredFields()) { StringBuilder b = new StringBuilder("\\""); for (char x : ((String) f.get(null)).toCharArray()) b.append(String.format("%cu%04x", 92, (int) x)); System.out.println(b.append('"')); } } }`,
    );
    const compiled = run('javac', '-Werror', `${outer}.java`, 'Show.java');
    t.equal(compiled.status, 0, compiled.stderr);
    t.same(sorted(run('java', '-cp', folder, 'Show').stdout), expected);
  },
);

t.test('docs/commands.md: api constants prints them for the permissions that live', async (t) => {
  const db = await openTestEmbedded();
  t.teardown(() => db.close());
  const cliHarness = await openCliHarness(db);
  await cliHarness.json('api create shop');
  for (const lang of ['ts', 'python', 'go', 'java'])
    t.equal((await cliHarness.run(`api constants shop --lang ${lang}`)).exit, 0, 'an empty one');
  await cliHarness.json('api sync f', {
    file: 'audience: shop\napps: {shop: {models: [order], permissions: {ship: Can ship}}}',
  });
  await cliHarness.json('api sync f --prune --yes', { file: 'audience: shop\napps: {shop: {models: [order]}}' });
  const { stdout } = await cliHarness.run('api constants shop --lang python');
  t.match(
    stdout,
    /^# Made by: signet api constants\. Do not edit\.\n# API "shop", catalogue version 2, hash [\w-]{43}\n/,
  );
  t.match(stdout, 'class Shop:\n    ADD_ORDER: Final = "shop.add_order"\n');
  t.notMatch(stdout, /SHIP/);
  const { hash } = (await cliHarness.json('api show shop')).catalogue;
  t.match(await cliHarness.json('api constants shop --lang go'), {
    audience: 'shop',
    version: 2,
    hash,
    lang: 'go',
    source: /ShopAddOrder/,
  });
  t.match(await cliHarness.run('api constants shop'), { exit: 2, stderr: /--lang is missing/ });
  t.match(await cliHarness.run('api constants shop --lang rust'), {
    exit: 2,
    stderr: /--lang takes ts or python or go or java/,
  });
  t.match(await cliHarness.run('api constants shpo --lang ts'), { exit: 3, stderr: /Did you mean "shop"\?/ });
});
