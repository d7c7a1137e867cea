import { spawnSync } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { describeService, generatedFiles } from '../../src/cli/reference.ts';
import { runCommand } from '../../src/cli/run.ts';
import { DESCRIPTIONS } from '../../src/oauth/errors.ts';
import { settings } from '../../src/platform/config/index.ts';
import { type App, OAUTH_STATUS, PROBLEM_STATUS } from '../../src/platform/http/index.ts';
import { openTestEmbedded, root } from '../support/database.ts';
import { startApp } from '../support/server.ts';
import t from '../support/tap.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const sources = globSync('src/**/*.ts', { cwd: root }).map((file) => ({ file, text: read(file) }));

t.test('what is generated from the code is committed as it is generated (else: npm run docs)', async (t) => {
  for (const [path, text] of Object.entries(await generatedFiles())) t.equal(read(path), text, path);
});

t.test('openapi.yaml has every route and nothing else', async (t) => {
  const mounted: string[] = [];
  const meet = (message: unknown) =>
    (message as { fastify: App }).fastify.addHook('onRoute', ({ method, url }) => {
      // A preflight is CORS's own (Fetch §4.8).
      for (const one of [method].flat())
        if (one !== 'HEAD' && one !== 'OPTIONS') mounted.push(`${one} ${url.replace(/:(\w+)/g, '{$1}')}`);
    });
  subscribe('fastify.initialization', meet);
  const described = describeService();
  unsubscribe('fastify.initialization', meet);
  const { paths } = await described;
  const documented = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  t.same(documented.sort(), mounted.sort());
  t.ok(documented.length > 15);
});

t.test('openapi.yaml is lint-clean, by a linter that nobody here wrote', async (t) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      fileURLToPath(import.meta.resolve('@redocly/cli/bin/cli.js')),
      'lint',
      '--extends=recommended-strict',
      'openapi.yaml',
    ],
    {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
    },
  );
  t.equal(status, 0, `${stdout}\n${stderr}`);
});

t.test('every operation names who may call it, what it answers, and where it belongs', async (t) => {
  const { paths, tags } = await describeService();
  for (const [path, operations] of Object.entries(paths))
    for (const [method, one] of Object.entries(operations)) {
      const operation = one as typeof one & { summary?: string; tags?: string[] };
      const name = `${method} ${path}`;
      t.ok(operation.operationId && operation.summary && operation.security, name);
      t.ok(operation.tags?.every((tag) => tags.some((known) => known.name === tag)) && operation.tags.length > 0, name);
      t.ok(
        Object.values(operation.responses).every((answer) => !/undefined/.test(answer.description)),
        name,
      );
      if (method !== 'get') t.ok(operation.responses[413] && operation.responses[415], name);
    }
});

t.test('signet openapi prints it without a database, as YAML and as JSON', async (t) => {
  const nowhere = { SIGNET_DATA_DIR: '/nowhere', SIGNET_KEYS_DIR: '/nowhere' };
  const typed = (...words: string[]) =>
    runCommand(
      words,
      nowhere,
      () => {},
      () => {},
    );
  const yaml = await typed('openapi');
  t.match(yaml, { exit: 0, stdout: read('openapi.yaml'), stderr: '' });
  t.same(JSON.parse((await typed('openapi', '--json')).stdout), parse(yaml.stdout));
});

t.test(
  'GET /openapi.yaml is a public document: the committed bytes, ETag, 304, CORS without credentials',
  async (t) => {
    const db = await openTestEmbedded();
    t.teardown(() => db.close());
    const { app } = await startApp(db);
    const first = await app.inject('/openapi.yaml');
    t.equal(first.body, read('openapi.yaml'));
    t.match(first.headers, {
      'content-type': 'application/yaml',
      'cache-control': /^public, max-age=/,
      etag: /^"[\w-]+"$/,
      'access-control-allow-origin': '*',
    });
    t.notOk(first.headers['access-control-allow-credentials']);
    const again = await app.inject({
      url: '/openapi.yaml',
      headers: { 'if-none-match': first.headers['etag'] as string },
    });
    t.same([again.statusCode, again.body], [304, '']);
    const head = await app.inject({ method: 'HEAD', url: '/openapi.yaml' });
    t.same([head.statusCode, head.body, head.headers['etag']], [200, '', first.headers['etag']]);
  },
);

t.test('every problem code is used, explained, and named by an operation or by what holds everywhere', async (t) => {
  const used = codesIn(/\b(?:Problem|tryLater)\(\s*'(\w+)'/g);
  // Those of the API's own routes, beside their texts.
  for (const [, code] of read('src/api/refusals.ts').matchAll(/^ {2}\w+: \[\s*'(\w+)'/gm)) used.add(code as string);
  // Chosen by a status or a kind, in one place.
  for (const [, code] of read('src/platform/http/server.ts').matchAll(/[?:] '(\w+)'/g))
    if ((code as string) in PROBLEM_STATUS) used.add(code as string);
  const page = read('docs/errors.md');
  const document = await describeService();
  const named = JSON.stringify({ paths: document.paths, info: document.info });
  for (const code of Object.keys(PROBLEM_STATUS)) {
    t.ok(used.has(code), `${code} is used in src`);
    t.ok(page.includes(`| \`${code}\` |`), `${code} is on the page`);
    t.ok(named.includes(`\`${code}\``), `${code} is in openapi.yaml`);
  }
  for (const code of used) t.ok(code in PROBLEM_STATUS, `${code} is in the table`);
});

t.test(
  "every code of OAuth's errors is used, explained, and named by an operation or by what holds everywhere",
  async (t) => {
    const used = codesIn(/\bOAuthError\(\s*'(\w+)'/g);
    for (const [code, reasons] of Object.entries(DESCRIPTIONS)) {
      used.add(code);
      for (const reason of Object.keys(reasons))
        t.ok(
          sources.some(({ text }) => text.includes(`'${reason}'`)),
          `${reason} is used in src`,
        );
    }
    const page = read('docs/errors.md');
    const document = await describeService();
    const named = JSON.stringify({ paths: document.paths, info: document.info });
    for (const code of Object.keys(OAUTH_STATUS)) {
      t.ok(used.has(code), `${code} is used in src`);
      t.ok(page.includes(`| \`${code}\` |`), `${code} is on the page`);
      t.ok(named.includes(`\`${code}\``), `${code} is in openapi.yaml`);
    }
    for (const code of used) t.ok(code in OAUTH_STATUS, `${code} is in the table`);
  },
);

t.test('every setting is on its page, and no page or text speaks of another', async (t) => {
  const known = Object.values(settings).flatMap((one) => (one.secret ? [one.env, `${one.env}_FILE`] : [one.env]));
  const page = read('docs/configuration.md');
  for (const name of known) t.ok(page.includes(`\`${name}\``), name);
  const pages = globSync(['*.md', 'docs/**/*.md', 'deploy/**/*'], { cwd: root, withFileTypes: true })
    .filter((one) => one.isFile() && one.name !== 'CHANGELOG.md')
    .map((one) => join(one.parentPath, one.name));
  for (const text of [...sources.map((one) => one.text), ...pages.map((path) => readFileSync(path, 'utf8'))])
    for (const [name] of text.matchAll(/\bSIGNET_[A-Z0-9_]*[A-Z0-9]\b/g))
      if (!known.includes(name)) t.fail(`${name} is no setting`);
});

function codesIn(pattern: RegExp): Set<string> {
  return new Set(sources.flatMap(({ text }) => [...text.matchAll(pattern)].map(([, code]) => code as string)));
}
