import { existsSync, globSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { root } from '../support/database.ts';
import t from '../support/tap.ts';
import { architecturePage, WINGS } from './rooms.ts';

// docs/architecture.md, "Rules of the house".

const rank: Record<string, number> = {
  ...Object.fromEntries(WINGS.map((wing, i) => [wing, i])),
  web: WINGS.indexOf('api'),
};

const src = join(root, 'src');
const files = globSync('**/*.ts', { cwd: src }).sort();

/** The wing of a file: its first folder, or its own name for the files at the top. Migrations are wired by the server. */
function wingOf(file: string): string {
  const first = file.split('/')[0] as string;
  if (first === 'migrations') return 'server';
  return first.replace(/\.ts$/, '');
}

/** The room of a file: the nearest folder with a door (`index.ts`); a file without one above it is a room of its own. */
function roomOf(file: string): string {
  for (let folder = dirname(file); folder !== '.'; folder = dirname(folder))
    if (existsSync(join(src, folder, 'index.ts'))) return folder;
  return file;
}

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isPackage: boolean;
}

const imports: Import[] = files.flatMap((file) => {
  const text = readFileSync(join(src, file), 'utf8');
  const statements = /^(?:import|export)\b[^'";]*?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm;
  return [...text.matchAll(statements)].map(([, from, bare, lazy]) => {
    const to = from ?? bare ?? lazy ?? '';
    const isPackage = !to.startsWith('.');
    return { from: file, to: isPackage ? to : relative(src, join(src, dirname(file), to)), isPackage };
  });
});
const own = imports.filter((one) => !one.isPackage);
const said = (one: Import) => `${one.from} imports ${one.to}`;

t.test('rule 1: imports go down only, by wing', async (t) => {
  for (const { from, to } of own) {
    // The one kit that the command uses is a program of its own below the house.
    if (wingOf(from) === 'cli' && to.startsWith('../kits/permission-lint/')) continue;
    t.ok(rank[wingOf(from)] !== undefined, `${from} stands in a wing that docs/architecture.md names`);
    const [a, b] = [rank[wingOf(from)] as number, rank[wingOf(to)] as number];
    if (!(a > b || wingOf(from) === wingOf(to))) t.fail(said({ from, to, isPackage: false }));
  }
});

t.test('rule 1: no two rooms import each other, directly or round about', async (t) => {
  const graph = new Map<string, Set<string>>();
  for (const { from, to } of own) {
    const [a, b] = [roomOf(from), roomOf(to)];
    // An ORM's entity list is read by nobody below.
    if (a === b || to.endsWith('/entities.ts')) continue;
    graph.set(a, (graph.get(a) ?? new Set()).add(b));
  }
  const done = new Set<string>();
  const visit = (room: string, path: string[]): void => {
    if (path.includes(room)) return void t.fail(`a cycle: ${[...path.slice(path.indexOf(room)), room].join(' → ')}`);
    if (done.has(room)) return;
    for (const next of graph.get(room) ?? []) visit(next, [...path, room]);
    done.add(room);
  };
  for (const room of graph.keys()) visit(room, []);
  t.ok(graph.size > 10, 'the graph has rooms in it');
});

t.test('rule 2: another room is entered by its door', async (t) => {
  for (const one of own) {
    const [a, b] = [roomOf(one.from), roomOf(one.to)];
    if (a === b) {
      if (one.to === `${a}/index.ts`) t.fail(`${said(one)}, its own door`);
      continue;
    }
    const isDoor = one.to === `${b}/index.ts` || b === one.to;
    const isMounted = one.from === 'server/compose.ts' && /(routes|pages)\.ts$/.test(one.to);
    const isEntityList = one.from === 'server/entities.ts' && one.to.endsWith('entities.ts');
    if (!(isDoor || isMounted || isEntityList)) t.fail(said(one));
  }
});

t.test('rule 2: a door says what its room owns', async (t) => {
  for (const file of files.filter((one) => one.endsWith('/index.ts') && !one.startsWith('migrations/'))) {
    const text = readFileSync(join(src, file), 'utf8');
    t.match(text, /^\/\*\*[\s\S]*?Owns:[\s\S]*?\*\//, file);
  }
});

t.test('docs/architecture.md lists the rooms as their doors introduce them: npm run docs', async (t) => {
  t.equal(readFileSync(join(root, 'docs/architecture.md'), 'utf8'), architecturePage(root));
});

t.test('rule 3: only routes, pages, platform/http and server know Fastify', async (t) => {
  for (const one of imports.filter((one) => one.isPackage && /^(@fastify\/|fastify$)/.test(one.to))) {
    const isAllowed = /(^server\/|^platform\/http\/|(routes|pages)\.ts$)/.test(one.from);
    if (!isAllowed) t.fail(said(one));
  }
});

t.test('rule 3: no state at the level of a module', async (t) => {
  for (const file of files) {
    const text = readFileSync(join(src, file), 'utf8');
    if (/^(export )?(let|var) /m.test(text)) t.fail(`${file} has a variable at its top`);
  }
});

t.test('rule 3: only main.ts, cli and server touch the process', async (t) => {
  for (const file of files.filter((one) => !/^(cli|server)\//.test(one) && one !== 'main.ts')) {
    const text = readFileSync(join(src, file), 'utf8');
    if (/\bprocess\.(env|argv|exit|stdout|stdin|on)\b/.test(text)) t.fail(`${file} touches the process`);
  }
});

t.test('rule 4: relations belong to the later room, and no inverse side crosses one', async (t) => {
  for (const file of files.filter((one) => one.endsWith('entities.ts'))) {
    const text = readFileSync(join(src, file), 'utf8');
    if (/\b(oneToMany|manyToMany)\(/.test(text))
      t.fail(`${file} has a collection: pivot tables are entities of their own`);
  }
});

t.test('rule 5: nothing is called utils, helpers, services, common or misc', async (t) => {
  for (const file of files) if (/(^|\/)(utils?|helpers?|services?|common|misc)(\.ts|\/)/.test(file)) t.fail(file);
});

t.test('rule 6: a table is named only in its room, and has the name of it', async (t) => {
  const tables = files.flatMap((file) => {
    const text = readFileSync(join(src, file), 'utf8');
    return [...text.matchAll(/tableName: '(\w+)'/g)].map(([, table = '']) => ({ file, table }));
  });
  t.ok(tables.length > 25, 'the tables were found');
  for (const { file, table } of tables) if (!table.startsWith(`${wingOf(file)}_`)) t.fail(`${file} owns ${table}`);
  const named = new RegExp(`\\b(${tables.map((one) => one.table).join('|')})\\b`, 'g');
  for (const file of files.filter((one) => !one.startsWith('migrations/')))
    for (const [table] of readFileSync(join(src, file), 'utf8').matchAll(named))
      if (!table.startsWith(`${wingOf(file)}_`))
        t.fail(`${file} names ${table}: export a view or a verb from its room`);
});

t.test('rule 6: the name of a statement begins with its room', async (t) => {
  for (const file of files)
    for (const [, name = ''] of readFileSync(join(src, file), 'utf8').matchAll(
      /(?:hotSelect\(|purgeStatement\(|: Statement = \{)\s*(?:name: )?'([\w-]+)'/g,
    ))
      if (!name.startsWith(`${wingOf(file)}-`)) t.fail(`${file} names a statement ${name}`);
});

t.test('docs/architecture.md: no file has more than 320 lines', async (t) => {
  const kits = globSync('kits/*/src/**/*.ts', { cwd: root });
  for (const file of [...files.filter((one) => !one.startsWith('migrations/')).map((one) => `src/${one}`), ...kits]) {
    const lines = readFileSync(join(root, file), 'utf8').trimEnd().split('\n').length;
    if (lines > 320) t.fail(`${file} has ${lines} lines`);
  }
});

t.test(
  'CONTRIBUTING.md: every test file is in one suite, but those that npm run test:all runs by themselves',
  async (t) => {
    const cwd = join(root, 'test');
    const isEndToEnd = (file: string) => file.endsWith('.e2e.test.ts');
    const suites = globSync('suites/*.ts', { cwd }).map((file) => readFileSync(join(cwd, file), 'utf8'));
    const patterns = suites.flatMap((text) =>
      [...text.matchAll(/'([^']+\.test\.ts)'/g)].map(([, pattern = '']) => pattern),
    );
    const parts = patterns.flatMap((pattern) => globSync(pattern, { cwd })).filter((file) => !isEndToEnd(file));
    const all = globSync('**/*.test.ts', { cwd }).filter((file) => !isEndToEnd(file));
    t.same(parts.sort(), all.sort());
  },
);

t.test('CONTRIBUTING.md: only test/support makes the header of a client that authenticates', async (t) => {
  const cwd = join(root, 'test');
  const byHand = /`Basic \$\{(Buffer\.from|btoa)\(`\$\{/;
  for (const file of globSync('**/*.ts', { cwd }).filter((one) => !one.startsWith('support/')))
    if (byHand.test(readFileSync(join(cwd, file), 'utf8'))) t.fail(`test/${file}: use basic() of test/support/http.ts`);
});

t.test('docs/dependencies.md says why each package is there, and package.json pins it exactly', async (t) => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const page = readFileSync(join(root, 'docs/dependencies.md'), 'utf8');
  const all = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies };
  for (const [name, version] of Object.entries(all)) {
    t.match(version, /^\d+\.\d+\.\d+$/, `${name} is pinned`);
    t.ok(page.includes(`\`${name}\``), `${name} is explained`);
  }
  const used = new Set(
    imports
      .filter((one) => one.isPackage && !one.to.startsWith('node:') && !builtinModules.includes(one.to))
      .map((one) =>
        one.to
          .split('/')
          .slice(0, one.to.startsWith('@') ? 2 : 1)
          .join('/'),
      ),
  );
  for (const name of used) t.ok(name in manifest.dependencies, `${name} is a dependency`);
});
