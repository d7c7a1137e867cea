import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { findSourceUses, scanFolder } from '../../kits/permission-lint/src/scan.ts';
import { openTestEmbedded } from '../support/database.ts';
import t from '../support/tap.ts';
import { openCliHarness } from './harness.ts';

/** What a source asks for, as `line name`; `-` where only the program knows, `app.*` for an app as a whole. */
function asked(file: string, source: string): string[] {
  return (findSourceUses(file, source) ?? []).map(({ line, permission, app }) => {
    return `${line} ${permission ?? (app === null ? '-' : `${app}.*`)}`;
  });
}

const sources: [file: string, title: string, source: string, expected: string[]][] = [
  ['a.py', 'one permission', `if user.has_perm("p.a") and not u.has_perm('p.b', obj): pass`, ['1 p.a', '1 p.b']],
  ['a.py', 'many, over lines', 'u.has_perms([\n  "p.a",\n  \'p.\' "b",\n  NAME,\n])', ['2 p.a', '3 p.b', '4 -']],
  [
    'a.py',
    'a tuple, a set, a frozenset',
    'has_perms(("p.a",), o)\nhas_perms({"p.b"})\nhas_perms(frozenset(["p.c"]))',
    ['1 p.a', '2 p.b', '3 p.c'],
  ],
  [
    'a.py',
    'raw and unicode texts, escapes, brackets',
    `has_perm(r"p.a")\nhas_perm(u'p.\\x62')\nhas_perm(("p.c"))`,
    ['1 p.a', '2 p.b', '3 p.c'],
  ],
  ['a.py', 'a long text', 'has_perm("""p.a""")', ['1 p.a']],
  [
    'a.py',
    'what is made when it runs',
    'has_perm(f"p.{x}")\nhas_perm("p." + x)\nhas_perm(NAME)\nhas_perm(b"p.a")\nhas_perm()',
    ['1 -', '2 -', '3 -', '4 -', '5 -'],
  ],
  [
    'a.py',
    'by keyword, and after the user',
    'has_perm(perm="p.a")\nbackend.has_perm(user, "p.b")\nawait u.ahas_perm("p.c")',
    ['1 p.a', '2 p.b', '3 p.c'],
  ],
  [
    'a.py',
    'the decorator',
    '@permission_required("p.a", raise_exception=True)\ndef v(r): pass\n@permission_required(\n  ("p.b", "p.c"), login_url="/x",\n)\nclass V: pass\n@permission_required(X, login_url="/x")\ndef w(r): pass',
    ['1 p.a', '4 p.b', '4 p.c', '7 -'],
  ],
  [
    'a.py',
    'the attribute of a class',
    'class V(\n    PermissionRequiredMixin,\n):\n    """doc"""\n    permission_required = "p.a"\n    x = 1\nclass W(PermissionRequiredMixin, View):\n    permission_required: tuple = (\n        "p.b",\n        "p.c",\n    )\n    def f(self): pass\nclass X(V):\n    permission_required = "p.d", "p.e"',
    ['5 p.a', '9 p.b', '10 p.c', '14 p.d', '14 p.e'],
  ],
  [
    'a.py',
    'no attribute of a class',
    'permission_required = "p.a"\ndef f():\n    permission_required = "p.b"\nfrom x import permission_required',
    [],
  ],
  [
    'a.py',
    'comments, texts and definitions',
    `# has_perm("p.a")\nx = """\nhas_perm("p.b")\n"""\ny = 'has_perm("p.c")'\ndef has_perm(self, perm): pass\nprint('#'); has_perm("p.d")`,
    ['7 p.d'],
  ],
  [
    'a.ts',
    'calls',
    `if (u.hasPerm('p.a') && u?.hasPerm?.("p.b")) {}\nhasPerm(user, \`p.c\`);\nhasPerm<T>('p.d' as P);`,
    ['1 p.a', '1 p.b', '2 p.c', '3 p.d'],
  ],
  [
    'a.ts',
    'lists',
    `hasPerms(['p.a', "p.b", X] as const);\nhasPerms(new Set(['p.c']));\nhasPerms('p.d', 'p.e', X)`,
    ['1 p.a', '1 p.b', '1 -', '2 p.c', '3 p.d', '3 p.e', '3 -'],
  ],
  [
    'a.js',
    'comments, regular expressions, division, templates',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source that is read
    "// hasPerm('p.a')\n/* hasPerm('p.b') */ const r = /['\"`]/; const d = a / b / c;\nconst s = `hasPerm('p.c') ${u.hasPerm('p.d') ? `x${hasPerm(\"p.e\")}` : ''}`; hasPerm(`p.${x}`)",
    ['3 p.d', '3 p.e', '3 -'],
  ],
  [
    'a.ts',
    'definitions',
    'function hasPerm(a: U, n: string): boolean { return f(a) }\nclass A { hasPerm(n: string): boolean { return x } }\nclass B { hasPerm(n) { return x } }\nconst v = ok ? hasPerm("p.a") : hasPerm("p.b")',
    ['4 p.a', '4 p.b'],
  ],
  ['a.tsx', 'apostrophes in JSX', `const e = <p>Don't {u.hasPerm('p.a') && 'x'}</p>`, ['1 p.a']],
  [
    'a.go',
    'calls, raw texts, lists, definitions',
    'func (u *User) HasPerm(n string) bool { return u.m[n] }\nfunc f() { if u.HasPerm("p.a") || HasPerm(`p.b`) { g(\'"\') } // HasPerm("p.c")\n u.HasPerms([]string{"p.d", "p.e"}); u.HasPerms("p.f", n); HasPerm(n) }',
    ['2 p.a', '2 p.b', '3 p.d', '3 p.e', '3 p.f', '3 -', '3 -'],
  ],
  [
    'A.java',
    'calls, text blocks, lists, definitions',
    'class A { boolean hasPerm(String n) { return m.get(n); }\n void f() { char c = \'"\'; if (u.hasPerm("p.a")) return; u.hasPerms(List.of("p.b", "p.c"));\n u.hasPerms(new String[] {"p.d"}); u.hasPerm("""\n   p.e"""); return hasPerm(n); } }',
    ['2 p.a', '2 p.b', '2 p.c', '3 p.d', '3 p.e', '4 -'],
  ],
  [
    'a.html',
    'tags and expressions',
    '<p>perms.p.text</p>{# perms.p.c #}\n{% comment %}{{ perms.p.c }}{% endcomment %}{{ perms.p.a }}\n{% if perms.p.b and not perms.p.c %}{% if "p.d" in perms %}\n{% if perms.p %}{% trans "perms.p.no" %}{{ user.perms.p.no }}',
    ['2 p.a', '3 p.b', '3 p.c', '3 p.d', '4 p.*'],
  ],
  ['a.css', 'other files are not read', 'has_perm("p.a")', []],
];

for (const [file, title, source, expected] of sources)
  t.test(`docs/commands.md: api check reads ${file}: ${title}`, async (t) => t.same(asked(file, source), expected));

t.test('whatever a file holds, it is read to its end', async (t) => {
  const piece = fc.constantFrom(
    ...`hasPerm( has_perm( ' " \` \${ } { ) ( [ ] """ \\ // /* */ # \n / p.a , {% %} {{ }} class : = permission_required`.split(
      ' ',
    ),
  );
  const text = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(' '));
  for (const file of ['a.py', 'a.ts', 'a.go', 'A.java', 'a.html'])
    fc.assert(
      fc.property(text, (source) => Array.isArray(findSourceUses(file, source))),
      { numRuns: 500 },
    );
  t.pass('it ends');
});

function folderOf(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'signet-check-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

t.test('what others wrote is not read, links are not followed, a file too large is named', async (t) => {
  const call = 'has_perm("p.a")';
  const others = ['node_modules/x', '.git', 'dist', 'vendor', 'a/__pycache__', '.venv/lib', 'site-packages'];
  const folder = folderOf({
    ...Object.fromEntries(others.map((one) => [`${one}/x.py`, call])),
    'a/b/mine.py': call,
    'huge.js': `// ${'x'.repeat(3 << 20)}`,
  });
  symlinkSync(folder, join(folder, 'a/again'));
  const told: number[] = [];
  const scan = await scanFolder(folder, (files) => void told.push(files));
  t.same(
    scan.uses.map((one) => one.file),
    [join(folder, 'a/b/mine.py')],
  );
  t.same([scan.files, scan.skipped, told], [1, [join(folder, 'huge.js')], [1]]);
  t.equal((await scanFolder(join(folder, 'a/b/mine.py'), () => {})).uses.length, 1, 'a file alone');
  await t.rejects(
    scanFolder(join(folder, 'nothing'), () => {}),
    { code: 'ENOENT', message: /nothing cannot be read/ },
  );
});

t.test('docs/commands.md: api check names the file and the line of what the API does not have', async (t) => {
  const db = await openTestEmbedded();
  t.teardown(() => db.close());
  const cliHarness = await openCliHarness(db);
  const sync = (models: string) => ({ file: `audience: polls-site\napps: {polls: {models: [${models}]}}` });
  await cliHarness.json('api sync f', sync('choice, question'));
  await cliHarness.json('api sync f --prune --yes', sync('choice'));
  const good = folderOf({
    'a.py': 'has_perm("polls.add_choice")\nhas_perm(x)',
    'b.html': '{{ perms.polls.view_choice }}',
  });
  t.match(await cliHarness.run(`api check polls-site ${good}`), {
    exit: 0,
    stdout: `${good}/a.py:2: note: has_perm is asked for what only the program knows\n2 files, 2 checked against polls-site (catalogue version 2): 0 unknown, 1 note.\n`,
  });
  const bad = folderOf({
    'views.py': 'has_perm("polls.add_choise")\nhas_perm("polls.add_question")\nhas_perm("auth.add_user")\n',
    't.html': '{% if perms.pols %}{% if perms.polls %}',
  });
  const result = await cliHarness.run(`api check polls-site ${bad}`);
  t.equal(result.exit, 1);
  t.equal(result.stderr, '');
  t.same(result.stdout.replaceAll(`${bad}/`, '').split('\n'), [
    't.html:1: polls-site has no app "pols" (perms). Did you mean polls?',
    'views.py:1: polls-site has no permission "polls.add_choise" (has_perm). Did you mean polls.add_choice?',
    'views.py:2: "polls.add_question" (has_perm) was removed from polls-site with version 2.',
    'views.py:3: polls-site has no permission "auth.add_user" (has_perm).',
    '2 files, 5 checked against polls-site (catalogue version 2): 4 unknown, 0 notes.',
    '',
  ]);
  const data = await cliHarness.json(`api check polls-site ${bad} --ignore-app auth --ignore-app pols`, {}, 1);
  t.match(data, {
    unknown: 2,
    checked: 5,
    findings: [{ line: 1, kind: 'unknown', name: 'polls.add_choise' }, { line: 2 }],
  });
  t.match(await cliHarness.run(`api check polls-sit ${good}`), { exit: 3, stderr: /Did you mean "polls-site"\?/ });
  t.match(await cliHarness.run('api check polls-site /nowhere/at/all'), { exit: 3, stderr: /ENOENT/ });
});
